/**
 * A 32-way persistent vector (bit-partitioned trie, as in Bagwell 2001 and Clojure's PersistentVector).
 * Every version stays readable; versions share all untouched chunks. `set` copies one path (about log32 n
 * small arrays); a `VectorBuilder` batches edits and copies each touched chunk once.
 */
const BITS = 5;
const WIDTH = 1 << BITS;
const MASK = WIDTH - 1;

interface Chunk {
  owner: object | null;
  readonly slots: unknown[];
}

const emptyChunk = (owner: object | null): Chunk => ({ owner, slots: [] });

export class PersistentVector<T> {
  readonly length: number;
  /** @internal height of the trie in bits above the leaves */
  readonly shift: number;
  /** @internal */
  readonly root: Chunk;

  /** @internal use `PersistentVector.empty()` or `from` */
  constructor(length: number, shift: number, root: Chunk) {
    this.length = length;
    this.shift = shift;
    this.root = root;
  }

  static empty<T>(): PersistentVector<T> {
    return new PersistentVector<T>(0, 0, emptyChunk(null));
  }

  static from<T>(items: Iterable<T>): PersistentVector<T> {
    const builder = PersistentVector.empty<T>().builder();
    for (const item of items) builder.push(item);
    return builder.freeze();
  }

  /** The item at `index`, or undefined when out of range. */
  get(index: number): T | undefined {
    if (index < 0 || index >= this.length) return undefined;
    let chunk = this.root;
    for (let shift = this.shift; shift > 0; shift -= BITS) chunk = chunk.slots[(index >>> shift) & MASK] as Chunk;
    return chunk.slots[index & MASK] as T;
  }

  set(index: number, item: T): PersistentVector<T> {
    const builder = this.builder();
    builder.set(index, item);
    return builder.freeze();
  }

  push(item: T): PersistentVector<T> {
    const builder = this.builder();
    builder.push(item);
    return builder.freeze();
  }

  builder(): VectorBuilder<T> {
    return new VectorBuilder<T>(this);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let base = 0; base < this.length; base += WIDTH) {
      let chunk = this.root;
      for (let shift = this.shift; shift > 0; shift -= BITS) chunk = chunk.slots[(base >>> shift) & MASK] as Chunk;
      const end = Math.min(WIDTH, this.length - base);
      for (let i = 0; i < end; i++) yield chunk.slots[i] as T;
    }
  }

  /** Calls `visit` for every index whose item may differ between the two versions, skipping shared chunks. */
  static difference<T>(a: PersistentVector<T>, b: PersistentVector<T>, visit: (index: number) => void): void {
    const length = Math.max(a.length, b.length);
    const walk = (x: Chunk | undefined, y: Chunk | undefined, shift: number, base: number): void => {
      if (x === y || base >= length) return;
      for (let i = 0; i < WIDTH; i++) {
        const at = base + (i << shift);
        if (at >= length) return;
        const left = x?.slots[i];
        const right = y?.slots[i];
        if (left === right) continue;
        if (shift === 0) visit(at);
        else walk(left as Chunk | undefined, right as Chunk | undefined, shift - BITS, at);
      }
    };
    let x: Chunk = a.root;
    let y: Chunk = b.root;
    const shift = Math.max(a.shift, b.shift);
    for (let s = a.shift; s < shift; s += BITS) x = { owner: null, slots: [x] };
    for (let s = b.shift; s < shift; s += BITS) y = { owner: null, slots: [y] };
    walk(x, y, shift, 0);
  }
}

/** A mutable view on a version. `freeze` gives the new version; the builder may go on being used after it. */
export class VectorBuilder<T> {
  length: number;
  private shift: number;
  private root: Chunk;
  private owner: object = {};

  constructor(base: PersistentVector<T>) {
    this.length = base.length;
    this.shift = base.shift;
    this.root = base.root;
  }

  get(index: number): T | undefined {
    if (index < 0 || index >= this.length) return undefined;
    let chunk = this.root;
    for (let shift = this.shift; shift > 0; shift -= BITS) chunk = chunk.slots[(index >>> shift) & MASK] as Chunk;
    return chunk.slots[index & MASK] as T;
  }

  set(index: number, item: T): void {
    if (index < 0 || index >= this.length) throw new RangeError(`index ${index} outside vector of ${this.length}`);
    this.write(index, item);
  }

  push(item: T): number {
    const index = this.length++;
    while (index >= 1 << (this.shift + BITS)) {
      this.root = { owner: this.owner, slots: [this.root] };
      this.shift += BITS;
    }
    this.write(index, item);
    return index;
  }

  freeze(): PersistentVector<T> {
    this.owner = {};
    return new PersistentVector<T>(this.length, this.shift, this.root);
  }

  private own(chunk: Chunk | undefined): Chunk {
    if (chunk === undefined) return emptyChunk(this.owner);
    return chunk.owner === this.owner ? chunk : { owner: this.owner, slots: chunk.slots.slice() };
  }

  private write(index: number, item: T): void {
    let chunk = (this.root = this.own(this.root));
    for (let shift = this.shift; shift > 0; shift -= BITS) {
      const slot = (index >>> shift) & MASK;
      const child = this.own(chunk.slots[slot] as Chunk | undefined);
      chunk.slots[slot] = child;
      chunk = child;
    }
    chunk.slots[index & MASK] = item;
  }
}
