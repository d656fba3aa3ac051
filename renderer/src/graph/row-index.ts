/** Finds what lies in a rectangle. Layouts grow downwards, so the plane is cut into rows of equal height. */

export class RowIndex {
  readonly #boxes: Float64Array;
  readonly #start: Int32Array;
  readonly #items: Int32Array;
  readonly #top: number;
  readonly #rows: number;
  readonly #rowHeight: number;
  readonly #stamp: Int32Array;
  #query = 0;

  /** `boxes` holds minX, minY, maxX, maxY for each item. */
  constructor(boxes: Float64Array, rowHeight = 320) {
    const count = boxes.length / 4;
    let top = Infinity;
    let bottom = -Infinity;
    for (let i = 0; i < count; i++) {
      top = Math.min(top, boxes[i * 4 + 1]!);
      bottom = Math.max(bottom, boxes[i * 4 + 3]!);
    }
    this.#boxes = boxes;
    this.#top = count === 0 ? 0 : top;
    this.#rowHeight = rowHeight;
    this.#rows = count === 0 ? 0 : Math.floor((bottom - top) / rowHeight) + 1;
    this.#start = new Int32Array(this.#rows + 1);
    for (let i = 0; i < count; i++) {
      for (let r = this.#row(boxes[i * 4 + 1]!); r <= this.#row(boxes[i * 4 + 3]!); r++) this.#start[r + 1]!++;
    }
    for (let r = 0; r < this.#rows; r++) this.#start[r + 1]! += this.#start[r]!;
    const fill = this.#start.slice();
    this.#items = new Int32Array(this.#start[this.#rows]!);
    for (let i = 0; i < count; i++) {
      for (let r = this.#row(boxes[i * 4 + 1]!); r <= this.#row(boxes[i * 4 + 3]!); r++) this.#items[fill[r]!++] = i;
    }
    this.#stamp = new Int32Array(count);
  }

  #row(y: number): number {
    return Math.max(0, Math.min(this.#rows - 1, Math.floor((y - this.#top) / this.#rowHeight)));
  }

  /** Items that touch the rectangle, each once, top rows first. */
  query(minX: number, minY: number, maxX: number, maxY: number, visit: (item: number) => void): void {
    if (this.#rows === 0 || maxY < this.#top || minY > this.#top + this.#rows * this.#rowHeight) return;
    const query = ++this.#query;
    const boxes = this.#boxes;
    const last = this.#row(maxY);
    for (let r = this.#row(minY); r <= last; r++) {
      for (let k = this.#start[r]!; k < this.#start[r + 1]!; k++) {
        const i = this.#items[k]!;
        if (this.#stamp[i] === query) continue;
        this.#stamp[i] = query;
        if (
          boxes[i * 4]! <= maxX && boxes[i * 4 + 2]! >= minX && boxes[i * 4 + 1]! <= maxY && boxes[i * 4 + 3]! >= minY
        ) {
          visit(i);
        }
      }
    }
  }
}
