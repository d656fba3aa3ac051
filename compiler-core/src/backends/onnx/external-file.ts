import type { ConstantValue } from "../../ir/constant.ts";
import { tensorBytes } from "../../ir/tensor.ts";
import { type Chunk, Parts } from "./parts.ts";

/** Large tensors begin at a page, so that a runtime can map them; small ones at a cache line. */
const pageBytes = 4096;
const lineBytes = 64;
const mappedBytes = 1024 * 1024;

/** The bytes of a constant as ONNX raw_data has them; those in a file stay there. */
export const rawChunk = (value: ConstantValue): Chunk => value.blob ?? tensorBytes(value.tensor());

/** The second file of a model: tensors one after another. A value that is used twice is stored once. */
export class ExternalFile {
  readonly name: string;
  readonly threshold: number;
  readonly parts = new Parts();
  private readonly places = new Map<ConstantValue, { offset: number; length: number }>();

  constructor(name: string, threshold: number) {
    this.name = name;
    this.threshold = threshold;
  }

  takes(value: ConstantValue): boolean {
    return value.type.element !== "string" && value.bytes > 0 && value.bytes >= this.threshold;
  }

  place(value: ConstantValue): { offset: number; length: number } {
    let place = this.places.get(value);
    if (!place) {
      const chunk = rawChunk(value);
      const boundary = chunk.length >= mappedBytes ? pageBytes : lineBytes;
      const padding = (boundary - (this.parts.length % boundary)) % boundary;
      this.parts.add(new Uint8Array(padding));
      place = { offset: this.parts.length, length: chunk.length };
      this.parts.add(chunk);
      this.places.set(value, place);
    }
    return place;
  }
}
