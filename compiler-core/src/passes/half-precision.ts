import { int } from "../ir/attribute.ts";
import type { NodeId, ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { elementOf, tensorType, unknownType } from "../ir/value-type.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { requireHalfRange } from "./support/half-range.ts";
import { addDerivedConstant, mergedNotes } from "./support/replacement.ts";

/** Where float16 pays: products. They are converted wherever they stand. */
const products = ["Conv", "ConvTranspose", "Gemm", "MatMul"];
/** Half is enough, but conversions there and back would cost more than it saves: converted beside what is half already. */
const followers = new Set([
  "Abs", "Add", "AveragePool", "Clip", "Concat", "Elu", "Expand", "Flatten", "Gather", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Max", "MaxPool", "Min", "Mul", "Neg", "PRelu", "Pad",
  "Relu", "Reshape", "Selu", "Sigmoid", "Slice", "Split", "Squeeze", "Sub", "Swish", "Tanh", "Tile", "Transpose", "Unsqueeze",
]);
/** Sums, exponentials, quotients: their range or their rounding needs float32. */
const blocked = new Set([
  "BatchNormalization", "CumSum", "Div", "Erf", "Exp", "GlobalAveragePool", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "Log", "LogSoftmax", "LpNormalization", "Mean", "Mish", "Pow", "Reciprocal",
  "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Resize", "RMSNormalization", "Softmax", "Softplus", "Sqrt", "Sum",
]);

const [float32, float16] = [1, 10];

const isFloat32 = (ref: ValueRef | null | undefined, context: MatchContext): ref is ValueRef => !!ref && elementOf(context.type(ref)) === "float32";

/** The float16 value that `ref` is cast from. */
function halfBehind(ref: ValueRef, context: MatchContext): ValueRef | undefined {
  const source = context.producer(ref, "Cast")?.inputs[0];
  return source && elementOf(context.type(source)) === "float16" ? source : undefined;
}

export const halfPrecision = defineRewrite({
  name: "half-precision",
  title: "float16 computation",
  summary: "Computes products in float16, and what stands between them; conversions are left at the edges of such regions, and constants are rounded at once.",
  why: "Half the memory traffic, and twice the arithmetic where the machine has it. Eleven digits of the binary significand are left, and no number above 65504.",
  exactness: "approximates",
  tolerance: { share: 0.02 },
  roots: [...products, ...followers, ...blocked],
  preconditions: [
    { name: "not on the block list", doc: "The operator is no sum over many elements, no exponential, power, quotient or normalization: those keep float32." },
    { name: "float32", doc: "What it computes is float32." },
    { name: "beside half", doc: "It is a product, or one of its operands is in float16 already and the others are so too or are constants." },
    { name: "constants in range", doc: "No constant operand exceeds 65504, the largest float16, and at most one number in a hundred is so small that it loses digits (below 2^-14)." },
  ],
  match(root, context) {
    const floats = root.inputs.filter((ref) => isFloat32(ref, context)) as ValueRef[];
    if (floats.length === 0) return undefined;
    if (!context.require("not on the block list", !blocked.has(root.op), () => (blocked.has(root.op) ? `${root.op} keeps float32` : `${root.op} does with float16`))) return undefined;
    const results = root.outputs.every((output, i) => output.name === "" || elementOf(context.type({ node: root.id, output: i })) !== null);
    let holds = context.require("float32", results ? true : "unknown", () => context.type({ node: root.id, output: 0 }).text);
    const computed = floats.filter((ref) => !context.constant(ref));
    const half = computed.filter((ref) => halfBehind(ref, context));
    const beside = products.includes(root.op) ? computed.length > 0 : half.length > 0 && half.length === computed.length;
    holds = context.require("beside half", beside, () => `${half.length} of ${computed.length} computed operands come from float16`) && holds;
    if (!holds) return undefined;
    const constants = floats.filter((ref) => context.constant(ref));
    if (!requireHalfRange(context, "constants in range", constants)) return undefined;
    return { nodes: [root.id, ...half.map((ref) => ref.node)], bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const place = { region: root.region, order: root.order };
    const made = new Map<string, ValueRef>();
    const taken = new Set<NodeId>();
    const halved = (ref: ValueRef): ValueRef => {
      const key = `${ref.node}:${ref.output}`;
      let now = made.get(key) ?? halfBehind(ref, context);
      if (!now) {
        const tensor = context.tensor(ref);
        const name = context.graph.valueName(ref);
        if (tensor) now = addDerivedConstant(match, rewriter, context, { tensor: fromNumbers("float16", tensor.dims, toNumbers(tensor)), like: ref, suffix: "half", sources: [ref.node], beside: root, taken });
        else now = { node: rewriter.addNode({ op: "Cast", inputs: [ref], attributes: { to: int(float16) }, outputs: [name === "" ? "" : context.freshName(`${name}_half`)], ...place }), output: 0 };
        made.set(key, now);
      }
      return now;
    };
    const inputs = root.inputs.map((ref) => (isFloat32(ref, context) ? halved(ref) : ref));
    const wide = root.outputs.map((_, output) => isFloat32({ node: root.id, output }, context));
    const outputs = root.outputs.map(({ name, type }, i) => ({ name: name === "" || !wide[i] ? name : context.freshName(`${name}_half`), type: wide[i] && type.kind === "tensor" ? tensorType("float16", type.shape) : wide[i] ? unknownType : type }));
    const id = rewriter.addNode({ op: root.op, inputs, attributes: root.attributes, outputs, name: root.name, ...place, ...mergedNotes(root) });
    rewriter.derive("replace", [root.id], [id]);
    for (const [output, { name }] of root.outputs.entries()) {
      if (name === "") continue;
      const now = { node: id, output };
      const back = wide[output] ? { node: rewriter.addNode({ op: "Cast", inputs: [now], attributes: { to: int(float32) }, outputs: [name], ...place }), output: 0 } : now;
      rewriter.replaceUses({ node: root.id, output }, back);
    }
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "A product and its activation",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 2]) {
  %w = constant float32[4, 2] [1, 2, 3, 4, 5, 6, 7, 8]
  %p = MatMul(%x, %w) "fc"
  %y = Relu(%p)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 2]) {
  %x_half = Cast(%x) {to = 10}
  %w = constant float16[4, 2] [1, 2, 3, 4, 5, 6, 7, 8]
  %p_half = MatMul(%x_half, %w) "fc"
  %y_half = Relu(%p_half)
  %y = Cast(%y_half) {to = 1}
  return %y
}`,
    },
    ...(
      [
        ["A weight above the largest float16", "constants in range", "%w = constant float32[2, 2] [1, 2, 3, 70000]\n  %y = MatMul(%x, %w)"],
        ["An activation alone", "beside half", "%y = Relu(%x)"],
        ["A Softmax keeps float32", "not on the block list", "%y = Softmax(%x)"],
      ] as const
    ).map(([title, fails, body]) => {
      const text = `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {\n  ${body}\n  return %y\n}`;
      return { title, fails, before: text, after: text };
    }),
  ],
});
