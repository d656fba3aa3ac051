/**
 * A persistent map from small non-negative integers, read in ascending order: a 32-way trie in which `with` and
 * `without` copy one path. For sets of ids that change one by one while every version stays readable.
 */
const BITS = 5;
const WIDTH = 1 << BITS;
const MASK = WIDTH - 1;

type Slots = readonly unknown[];
const emptySlots: Slots = [];

export class PersistentIdMap<T> {
  readonly size: number;
  private readonly shift: number;
  private readonly root: Slots;

  private constructor(size: number, shift: number, root: Slots) {
    this.size = size;
    this.shift = shift;
    this.root = root;
  }

  static empty<T>(): PersistentIdMap<T> {
    return new PersistentIdMap<T>(0, 0, emptySlots);
  }

  get(id: number): T | undefined {
    if (id >= 2 ** (this.shift + BITS)) return undefined;
    let slots: Slots | undefined = this.root;
    for (let shift = this.shift; shift > 0; shift -= BITS) {
      slots = slots[(id >>> shift) & MASK] as Slots | undefined;
      if (!slots) return undefined;
    }
    return slots[id & MASK] as T | undefined;
  }

  with(id: number, item: T): PersistentIdMap<T> {
    let { shift, root } = this;
    while (id >= 2 ** (shift + BITS)) {
      root = root.length === 0 ? root : [root];
      shift += BITS;
    }
    let grown = 0;
    const write = (slots: Slots | undefined, level: number): Slots => {
      const copy = slots ? slots.slice() : [];
      const at = (id >>> level) & MASK;
      while (copy.length < at) copy.push(undefined);
      if (level === 0) {
        if (copy[at] === undefined) grown = 1;
        copy[at] = item;
      } else copy[at] = write(copy[at] as Slots | undefined, level - BITS);
      return copy;
    };
    const next = write(root, shift);
    return new PersistentIdMap(this.size + grown, shift, next);
  }

  without(id: number): PersistentIdMap<T> {
    if (this.get(id) === undefined) return this;
    const write = (slots: Slots, level: number): Slots | undefined => {
      const copy = slots.slice();
      const at = (id >>> level) & MASK;
      copy[at] = level === 0 ? undefined : write(copy[at] as Slots, level - BITS);
      while (copy.length > 0 && copy.at(-1) === undefined) copy.pop();
      return copy.length === 0 ? undefined : copy;
    };
    return new PersistentIdMap(this.size - 1, this.shift, write(this.root, this.shift) ?? emptySlots);
  }

  *values(): IterableIterator<T> {
    const walk = function* (slots: Slots, level: number): IterableIterator<T> {
      for (const slot of slots) {
        if (slot === undefined) continue;
        if (level === 0) yield slot as T;
        else yield* walk(slot as Slots, level - BITS);
      }
    };
    yield* walk(this.root, this.shift);
  }
}
