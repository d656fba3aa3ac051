import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, elementOf, shapeOf, staticShape, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { ElementType } from "../../ir/element-type.ts";
import { type AttributeReader, defineOperator, type EvaluateContext } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { multiplyMatrices } from "../support/gemm.ts";
import { headGroup } from "../support/heads.ts";
import { finished, tensorAt } from "../support/numbers.ts";
import { rounderOf } from "../support/quantization.ts";
import { softmaxRow } from "../support/softmax-row.ts";
import { floats, required } from "../support/types.ts";

function softmaxElement(element: ElementType | null, attributes: AttributeReader): ElementType | null {
  const code = attributes.optionalInt("softmax_precision");
  if (code !== undefined) return elementOfCode(code);
  return element === "float16" || element === "bfloat16" ? "float32" : element;
}

function modified(name: string, x: Tensor, context: EvaluateContext): Tensor {
  if (context.node.regions[name] === undefined) return x;
  const y = tensorAt(context.runBody(name, [x]), 0);
  if (elementCount(y.dims) !== elementCount(x.dims)) throw new GraphwrightError("shape-contradiction", `the body ${name} turned [${x.dims.join(", ")}] into [${y.dims.join(", ")}].`);
  return y;
}

export const flexAttention = defineOperator({
  domain: "ai.onnx.preview",
  op: "FlexAttention",
  versions: [{ since: 1 }],
  summary: "Attention whose scores and probabilities are changed by bodies of the node.",
  doc: "scores = Q * K^T * scale, then score_mod(scores), softmax over the keys, prob_mod(probabilities), times V. The bodies take and give a tensor [batch, heads, length, keys]. Several query heads may share a key and value head.",
  family: "linear",
  inputs: [
    required("Q", "T1", "queries [batch, heads, length, size]"),
    required("K", "T1", "keys [batch, kv heads, keys, size]"),
    required("V", "T1", "values [batch, kv heads, keys, v size]"),
  ],
  outputs: [required("Y", "T1", "[batch, heads, length, v size]")],
  attributes: {
    score_mod: { kind: "graph", doc: "what is done with the scores" },
    prob_mod: { kind: "graph", doc: "what is done with the probabilities" },
    scale: { kind: "float", doc: "factor of the scores; 1 / sqrt(size) when absent" },
    softmax_precision: { kind: "int", doc: "number of the type of scores and probabilities; when absent that of Q, but at least float32" },
  },
  types: { T1: floats },
  infer: (context, node, attributes) => {
    const q = shapeOf(context.type(0));
    const k = shapeOf(context.type(1));
    const v = shapeOf(context.type(2));
    const element = elementOf(context.type(0));
    const scores = tensorType(softmaxElement(element, attributes), q?.length === 4 ? [q[0]!, q[1]!, q[2]!, k?.[2] ?? null] : null);
    for (const region of Object.values(node.regions)) context.inferBody(region, [{ type: scores }]);
    return [{ type: tensorType(element, q?.length === 4 ? [q[0]!, q[1]!, q[2]!, v?.[3] ?? null] : null) }];
  },
  evaluate: (inputs, context) => {
    const { attributes, task } = context;
    const q = tensorAt(inputs, 0);
    const k = tensorAt(inputs, 1);
    const v = tensorAt(inputs, 2);
    const [batch, heads, length, size] = q.dims as [number, number, number, number];
    const [, keyHeads, total] = k.dims as [number, number, number];
    const width = v.dims[3]!;
    if (q.dims.length !== 4 || k.dims[3] !== size || v.dims[1] !== keyHeads || v.dims[2] !== total)
      throw new GraphwrightError("shape-contradiction", `Q [${q.dims.join(", ")}], K [${k.dims.join(", ")}] and V [${v.dims.join(", ")}] do not go together.`);
    const group = headGroup(heads, keyHeads);
    const round = rounderOf(q.element);
    const root = round(Math.sqrt(attributes.optionalFloat("scale") ?? 1 / Math.sqrt(size)));
    const qs = Float64Array.from(toNumbers(q), (x) => round(x * root));
    const ks = Float64Array.from(toNumbers(k), (x) => round(x * root));
    const element = softmaxElement(q.element, attributes)!;
    const raw = new Float64Array(batch * heads * length * total);
    const keysOf = (at: number): number => Math.floor(at / heads) * keyHeads + Math.floor((at % heads) / group);
    for (let at = 0; at < batch * heads; at++)
      multiplyMatrices(
        length, total, size,
        { data: qs, offset: at * length * size, rowStride: size, columnStride: 1 },
        { data: ks, offset: keysOf(at) * total * size, rowStride: 1, columnStride: size },
        raw, at * length * total, total, task,
      );
    const scores = modified("score_mod", finished(element, [batch, heads, length, total], raw.map(round)), context);
    const weights = Float64Array.from(toNumbers(scores));
    for (let row = 0; row < batch * heads * length; row++) softmaxRow(weights.subarray(row * total, (row + 1) * total), rounderOf(element));
    const probabilities = toNumbers(modified("prob_mod", finished(element, [batch, heads, length, total], weights), context));
    const values = toNumbers(v);
    const y = new Float64Array(batch * heads * length * width);
    for (let at = 0; at < batch * heads; at++)
      multiplyMatrices(
        length, width, total,
        { data: probabilities, offset: at * length * total, rowStride: total, columnStride: 1 },
        { data: values, offset: keysOf(at) * total * width, rowStride: width, columnStride: 1 },
        y, at * length * width, width, task,
      );
    return [finished(v.element, [batch, heads, length, width], y)];
  },
  cost: ({ inputs, outputs }) => {
    const q = staticShape(inputs[0]);
    const k = staticShape(inputs[1]);
    const y = staticShape(outputs[0]);
    return { flops: q && k && y ? 2 * k[2]! * (elementCount(q) + elementCount(y)) : 0 };
  },
});
