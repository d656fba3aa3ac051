/** Strings by number, 0 is "": string i is text.slice(ends[i - 1], ends[i]). One string crosses a worker boundary much faster than many. */
export interface StringColumn {
  readonly text: string;
  readonly ends: Uint32Array;
}

/** Collects strings; `intern` gives equal strings one number, `add` is for those that are never equal. */
export class StringTable {
  readonly #parts: string[] = [""];
  readonly #numbers = new Map<string, number>([["", 0]]);

  add(text: string): number {
    if (text === "") return 0;
    return this.#parts.push(text) - 1;
  }

  intern(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) this.#numbers.set(text, (number = this.#parts.push(text) - 1));
    return number;
  }

  column(): StringColumn {
    const ends = new Uint32Array(this.#parts.length);
    let at = 0;
    for (let i = 0; i < ends.length; i++) ends[i] = at += this.#parts[i]!.length;
    return { text: this.#parts.join(""), ends };
  }
}
