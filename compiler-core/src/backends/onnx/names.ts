/** Value names of one graph; names of the graphs around it are taken too. */
export class NameScope {
  private readonly taken = new Set<string>();
  private readonly parent: NameScope | undefined;
  private readonly next = new Map<string, number>();

  constructor(parent?: NameScope) {
    this.parent = parent;
  }

  has(name: string): boolean {
    return this.taken.has(name) || (this.parent?.has(name) ?? false);
  }

  reserve(name: string): void {
    this.taken.add(name);
  }

  /** `wanted` where it is free, else `wanted` with the lowest number that makes it so. */
  take(wanted: string): string {
    let name = wanted === "" ? "value" : wanted;
    const base = name;
    if (wanted === "" || this.has(name)) {
      let number = this.next.get(base) ?? 1;
      do name = `${base}_${number++}`;
      while (this.has(name));
      this.next.set(base, number);
    }
    this.taken.add(name);
    return name;
  }
}
