import { int } from "../../ir/attribute.ts";
import type { ElementType } from "../../ir/element-type.ts";
import type { ValueRef } from "../../ir/graph.ts";
import { fromNumbers, makeTensor, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementOf } from "../../ir/value-type.ts";
import type { MatchContext } from "../definition.ts";
import type { Builder } from "./blocked-layout.ts";

/** A float32 weight that a Cast or a DequantizeLinear makes of constants in fewer bits: value = (number - zero) * scale. */
export interface SmallWeight {
  readonly dims: readonly number[];
  readonly element: ElementType;
  readonly numbers: ArrayLike<number>;
  /** the stored constant */
  readonly from: ValueRef;
  readonly scale?: Spread;
  readonly zero?: Spread;
}

/** Numbers that a weight's elements share: an entry of each dimension serves `size` neighbours. */
export interface Spread {
  readonly counts: readonly number[];
  readonly sizes: readonly number[];
  readonly numbers: ArrayLike<number>;
}

const stored: readonly ElementType[] = ["float16", "bfloat16", "int8", "uint8", "int4", "uint4", "int2", "uint2"];
const isFloat = (element: ElementType): boolean => element.endsWith("float16") || element === "bfloat16";

/** The weight, where all that makes it is constant. */
export function smallWeight(ref: ValueRef | null | undefined, context: MatchContext): SmallWeight | undefined {
  const node = context.producer(ref, "Cast", "DequantizeLinear");
  const from = node?.inputs[0];
  const constant = from && context.constant(from);
  if (!node || !from || !constant || node.domain !== "" || elementOf(context.type(ref)) !== "float32") return undefined;
  const { element } = constant.type;
  const { dims } = constant;
  if (element === null || !stored.includes(element) || dims.length < 2) return undefined;
  const weight = { dims, element, from };
  if (node.op === "Cast") return isFloat(element) ? { ...weight, numbers: numbersOf(from, context) } : undefined;
  const [, scaleRef, zeroRef] = node.inputs;
  const [scale, zero] = [context.constant(scaleRef), context.constant(zeroRef)];
  if (isFloat(element) || !scale || (zeroRef && !zero) || scale.type.element !== "float32") return undefined;
  const read = context.attributes(node);
  const given = read.int("axis", 1);
  const axis = given < 0 ? given + dims.length : given;
  const size = read.int("block_size", 0);
  const spread = (tensor: Tensor): Spread => {
    const one = tensor.dims.every((d) => d === 1);
    const counts = one ? dims.map(() => 1) : size > 0 ? tensor.dims : dims.map((d, i) => (i === axis ? d : 1));
    return { counts, sizes: dims.map((d, i) => (counts[i] === 1 ? d : i === axis && size > 0 ? size : 1)), numbers: toNumbers(tensor) };
  };
  const zeros = zero && context.tensor(zeroRef)!;
  return { ...weight, numbers: numbersOf(from, context), scale: spread(context.tensor(scaleRef)!), ...(zeros && Array.from(toNumbers(zeros)).some((z) => z !== 0) ? { zero: spread(zeros) } : {}) };
}

const numbersOf = (ref: ValueRef, context: MatchContext): ArrayLike<number> => toNumbers(context.tensor(ref)!);

/** Is the value a weight in fewer bits? Cheap: nothing is read. */
export function isSmallWeight(ref: ValueRef | null | undefined, context: MatchContext): boolean {
  const node = context.producer(ref, "Cast", "DequantizeLinear");
  const element = node?.domain === "" ? context.constant(node.inputs[0])?.type.element : undefined;
  if (!node || !element || !stored.includes(element) || elementOf(context.type(ref)) !== "float32") return false;
  return node.op === "Cast" ? isFloat(element) : !isFloat(element) && node.inputs.slice(1).every((input) => !input || context.constant(input) !== undefined);
}

/** Numbers packed as a kernel reads them; the last dimension is lanes, and the one before it what 4-bit numbers pair up along. */
export interface Packed {
  readonly dims: readonly number[];
  readonly numbers: ArrayLike<number>;
}

/** The weight in its packed order, widened by the kernel that reads it. `scale` and `zero` are packed like it; `block` rows share one. */
export function widened(builder: Builder, { element, from, numbers: _ }: SmallWeight, name: string, packed: Packed, scale: Packed | undefined, zero: Packed | undefined, block: number): ValueRef {
  const few = element.endsWith("4") || element.endsWith("2");
  const narrow = few && packed.dims.at(-2)! % 2 === 0;
  // Halves of bytes hold 0..15.
  const raise = narrow && element.startsWith("int") ? 8 : 0;
  const zeros = zero ? Array.from(zero.numbers) : [];
  const same = zeros.every((z) => z === zeros[0]);
  const offset = raise + (zero && same ? zeros[0]! : 0);
  const storage: ElementType = few ? (narrow || element.startsWith("uint") ? "uint8" : "int8") : element;
  const w = narrow ? makeTensor("uint8", [...packed.dims.slice(0, -2), packed.dims.at(-2)! / 2, packed.dims.at(-1)!], pairs(packed, raise)) : fromNumbers(storage, packed.dims, packed.numbers);
  const inputs: (ValueRef | null)[] = [builder.constant(w, `${name}_packed`, [from])];
  if (scale || (zero && !same)) inputs.push(scale ? builder.constant(fromNumbers("float32", scale.dims, scale.numbers), `${name}_scale`, [from]) : null);
  if (zero && !same) inputs.push(builder.constant(fromNumbers(element.startsWith("u") ? "uint8" : "int8", zero.dims, zero.numbers), `${name}_zero`, [from]));
  return builder.node("WidenWeight", inputs, { ...(narrow ? { bits: int(4) } : {}), ...(offset !== 0 ? { offset: int(offset) } : {}), ...(block > 0 ? { block: int(block) } : {}) }, "weight");
}

function pairs({ dims, numbers }: Packed, raise: number): Uint8Array {
  const lanes = dims.at(-1)!;
  const bytes = new Uint8Array(numbers.length / 2);
  for (let i = 0; i < numbers.length; i++) {
    const row = Math.floor(i / lanes);
    bytes[(row >> 1) * lanes + (i % lanes)]! |= ((Number(numbers[i]) + raise) & 15) << (4 * (row & 1));
  }
  return bytes;
}
