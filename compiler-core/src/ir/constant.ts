import type { BlobRef } from "../support/blob.ts";
import { located } from "../support/diagnostic.ts";
import { byteSize } from "./element-type.ts";
import { tensorFromBytes, typeOfTensor, type Tensor } from "./tensor.ts";
import { elementCount, staticShape, type TensorType } from "./value-type.ts";

/**
 * The value of a constant: its type is always known; its elements are in memory, or lie in a file and are read
 * when asked for. A value is immutable and may be shared by many nodes and steps.
 */
export class ConstantValue {
  readonly type: TensorType;
  private readonly source: Tensor | BlobRef;

  private constructor(type: TensorType, source: Tensor | BlobRef) {
    this.type = type;
    this.source = source;
  }

  static of(tensor: Tensor): ConstantValue {
    return new ConstantValue(typeOfTensor(tensor), tensor);
  }

  /** Elements in little-endian raw form at `blob`; `type` must have a static shape. */
  static at(type: TensorType, blob: BlobRef): ConstantValue {
    return new ConstantValue(type, blob);
  }

  get dims(): readonly number[] {
    return staticShape(this.type) as readonly number[];
  }

  get count(): number {
    return elementCount(this.dims);
  }

  /** Bytes of the elements as stored in a file (0 for strings). */
  get bytes(): number {
    return this.type.element === null ? 0 : byteSize(this.type.element, this.count);
  }

  /** Where the elements lie when they are still in a file. */
  get blob(): BlobRef | undefined {
    return "source" in this.source ? this.source : undefined;
  }

  /**
   * The elements. Reads them from the file when they are not in memory; nothing is cached here, so memory stays
   * bounded by what the caller holds. Throws "truncated-file" and "tensor-size".
   */
  tensor(): Tensor {
    const at = this.source;
    if (!("source" in at)) return at;
    return located({ file: at.source.name, offset: at.offset }, () =>
      tensorFromBytes(this.type.element!, this.dims, at.source.read(at.offset, at.length)),
    );
  }
}
