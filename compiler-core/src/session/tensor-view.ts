import type { ConstantValue } from "../ir/constant.ts";
import { elementKind } from "../ir/element-type.ts";
import { printFloat } from "../ir/printer.ts";
import { tensorCount, toNumbers, typeOfTensor, type Tensor } from "../ir/tensor.ts";
import type { Task } from "../support/task.ts";
import type { TensorView } from "./protocol.ts";

const bins = 64;
const sampleSize = 64;

/** Statistics of a tensor for the inspector. Distinct values are counted up to 65,536, then given as null. */
export function tensorView(name: string, tensor: Tensor, bytes: number, task: Task): TensorView {
  const type = typeOfTensor(tensor).text;
  const count = tensorCount(tensor);
  const base = { name, type, bytes, count };
  if (Array.isArray(tensor.data)) return { ...base, sample: tensor.data.slice(0, sampleSize).map((s) => JSON.stringify(s)) };
  const kind = elementKind(tensor.element);
  if (kind === "complex") {
    const data = tensor.data as Float32Array;
    return { ...base, sample: Array.from({ length: Math.min(count, sampleSize) }, (_, i) => `${data[2 * i]} + ${data[2 * i + 1]}i`) };
  }
  const numbers = toNumbers(tensor);
  const isFloatKind = kind === "float";
  const print = (v: number): string => (isFloatKind ? printFloat(v, tensor.element !== "float64").replace(/\.0$/, "") : kind === "bool" ? (v ? "true" : "false") : `${v}`);
  const sample = Array.from(numbers.subarray(0, sampleSize), print);
  if (count === 0) return { ...base, sample };
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let zeros = 0;
  let nans = 0;
  let infinities = 0;
  let finite = 0;
  const distinct = new Set<number>();
  for (let i = 0; i < numbers.length; i++) {
    if ((i & 0xfffff) === 0) task.check();
    const v = numbers[i] as number;
    if (Number.isNaN(v)) {
      nans++;
      continue;
    }
    if (!Number.isFinite(v)) {
      infinities++;
      continue;
    }
    finite++;
    if (v < min) min = v;
    if (v > max) max = v;
    if (v === 0) zeros++;
    sum += v;
    if (distinct.size <= 65_536) distinct.add(v);
  }
  const mean = finite === 0 ? NaN : sum / finite;
  let squares = 0;
  const counts = new Array<number>(bins).fill(0);
  const width = max > min ? (max - min) / bins : 1;
  for (let i = 0; i < numbers.length; i++) {
    const v = numbers[i] as number;
    if (!Number.isFinite(v)) continue;
    squares += (v - mean) ** 2;
    counts[Math.min(bins - 1, Math.floor((v - min) / width))]!++;
  }
  return {
    ...base,
    sample,
    statistics: {
      min: finite === 0 ? NaN : min,
      max: finite === 0 ? NaN : max,
      mean,
      deviation: finite === 0 ? NaN : Math.sqrt(squares / finite),
      zeros,
      nans,
      infinities,
      distinct: distinct.size > 65_536 ? null : distinct.size,
      histogram: { low: finite === 0 ? 0 : min, high: finite === 0 ? 1 : max > min ? max : min + 1, counts },
    },
  };
}

export const constantView = (name: string, value: ConstantValue, task: Task): TensorView => tensorView(name, value.tensor(), value.bytes, task);
