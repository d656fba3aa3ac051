import { type Attributes, int, ints } from "../../ir/attribute.ts";
import { ConstantValue } from "../../ir/constant.ts";
import { fusedDomain, type Node, type OperatorNode, type ValueRef } from "../../ir/graph.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import { fromNumbers, int64Vector, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementOf, staticShape } from "../../ir/value-type.ts";
import { blockChannels, blocksOf } from "../../ops/support/blocked.ts";
import type { MatchContext } from "../definition.ts";

/** What rewrites to and from channels in blocks share. Blocked values have one more dimension, the lanes of a block. */

/** The static shape of a float32 value. */
export function floatShape(ref: ValueRef | null | undefined, context: MatchContext): readonly number[] | undefined {
  const type = context.type(ref);
  return elementOf(type) === "float32" ? staticShape(type) : undefined;
}

/** The static shape of a value of a type that kernels keep in blocks. */
export function blockableShape(ref: ValueRef | null | undefined, context: MatchContext): readonly number[] | undefined {
  const type = context.type(ref);
  return ["float32", "uint8", "int8", "int32"].includes(elementOf(type) ?? "") ? staticShape(type) : undefined;
}

/** The node that makes the value, if it is graphwright's `op`. */
export function ownProducer(ref: ValueRef | null | undefined, op: string, context: MatchContext): OperatorNode | undefined {
  const node = context.producer(ref);
  return node?.domain === fusedDomain && node.op === op ? node : undefined;
}

/** Adds nodes and constants beside one node, with names made from its own. */
export class Builder {
  private readonly rewriter: Rewriter;
  private readonly context: MatchContext;
  readonly beside: Node;
  private readonly base: string;

  constructor(rewriter: Rewriter, context: MatchContext, beside: Node) {
    this.rewriter = rewriter;
    this.context = context;
    this.beside = beside;
    this.base = beside.outputs[0]?.name || "value";
  }

  private get place() {
    return { region: this.beside.region, order: this.beside.order };
  }

  node(op: string, inputs: readonly (ValueRef | null)[], attributes: OperatorNode["attributes"], suffix: string, domain: string = fusedDomain): ValueRef {
    const node = this.rewriter.addNode({ op, domain, inputs: [...inputs], attributes, outputs: [this.context.freshName(`${this.base}_${suffix}`)], name: "", ...this.place });
    return { node, output: 0 };
  }

  constant(tensor: Tensor, base: string, sources: readonly ValueRef[] = []): ValueRef {
    const ref = this.rewriter.addConstant({ value: ConstantValue.of(tensor), name: this.context.freshName(base), ...this.place });
    if (sources.length > 0) this.rewriter.derive("fold", sources.map((s) => s.node), [ref.node]);
    return ref;
  }

  /** A constant made from another one. */
  packed(made: { readonly dims: readonly number[]; readonly numbers: Float32Array }, from: ValueRef, suffix: string): ValueRef {
    return this.constant(fromNumbers("float32", made.dims, made.numbers), `${this.context.graph.valueName(from) || this.base}_${suffix}`, [from]);
  }

  block(value: ValueRef, size: number): ValueRef {
    return this.node("BlockChannels", [value], { block: int(size) }, "blocked");
  }

  /** Pads with zeros, or with `fill`: one number, or a value that a run gives. */
  pad(value: ValueRef, begins: readonly number[], ends: readonly number[], fill?: Tensor | ValueRef): ValueRef {
    const amounts = this.constant(int64Vector([...begins, ...ends]), `${this.base}_pads`);
    return this.node("Pad", [value, amounts, ...(fill ? ["node" in fill ? fill : this.constant(fill, `${this.base}_border`)] : [])], {}, "padded", "");
  }
}

/** Replaces the root by UnblockChannels of a blocked value; the root's name stays where it was. */
export function unblockInstead(rewriter: Rewriter, root: OperatorNode, blocked: ValueRef, channels: number): void {
  const { name, type } = root.outputs[0]!;
  const id = rewriter.addNode({ op: "UnblockChannels", domain: fusedDomain, inputs: [blocked], attributes: { channels: int(channels) }, outputs: [{ name, type }], region: root.region, order: root.order });
  rewriter.derive("replace", [root.id], [blocked.node, id]);
  rewriter.replaceUses({ node: root.id, output: 0 }, { node: id, output: 0 });
  rewriter.removeDead([root.id]);
}

/** Attributes of a pool over [H, W] as one over [H, W, lanes]. */
export function windowOverBlocks(pool: OperatorNode, context: MatchContext): Attributes {
  const a = context.attributes(pool);
  const pads = a.ints("pads");
  const half = (pads?.length ?? 0) / 2;
  const sizes = ["kernel_shape", "strides", "dilations"].flatMap((name) => (a.ints(name) ? [[name, ints([...a.ints(name)!, 1])] as const] : []));
  return { ...pool.attributes, ...Object.fromEntries(sizes), ...(pads ? { pads: ints([...pads.slice(0, half), 0, ...pads.slice(half), 0]) } : {}) };
}

export { blocksOf, ints };

/** A constant that broadcasts against [N, C, ...S] as one that broadcasts against blocks; undefined where it cannot. */
export function blockConstant(tensor: Tensor, rank: number, channels: number, block: number): { dims: readonly number[]; numbers: Float32Array } | undefined {
  const numbers = toNumbers(tensor);
  if (numbers.length === 1) return { dims: [], numbers: Float32Array.from(numbers) };
  if (tensor.dims.length > rank) return undefined;
  const dims = [...new Array<number>(rank - tensor.dims.length).fill(1), ...tensor.dims];
  if (dims[1] === channels) return blockChannels(numbers, dims, block);
  // The same for all channels: for all blocks and lanes.
  return dims[1] === 1 ? { dims: [...dims, 1], numbers: Float32Array.from(numbers) } : undefined;
}
