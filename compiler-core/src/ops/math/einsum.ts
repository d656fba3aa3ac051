import type { Dim } from "../../ir/dim.ts";
import { shapeOf, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { contractTensors, parseEquation } from "../support/einsum.ts";
import { broadcastDim, elementOfInput, originOf, reportProblem, tensorOutput } from "../support/infer.ts";
import { einsumLowering } from "../support/lower-einsum.ts";
import { tensorAt } from "../support/numbers.ts";
import { numbers, required, tensors, variadic } from "../support/types.ts";

export const einsum = defineOperator({
  domain: "",
  op: "Einsum",
  versions: [
    { since: 12 },
    { since: 28, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Sums products of operands as an Einstein summation says, as in \"ij,jk->ik\".",
  doc: "A label repeated within an operand takes its diagonal, one missing from the result is summed, \"...\" stands for broadcast dimensions. Without \"->\" the result has the labels that occur once, in alphabetical order.",
  family: "linear",
  inputs: [variadic("Inputs", "T", "the operands")],
  outputs: [required("Output", "T", "the result")],
  attributes: {
    equation: { kind: "string", doc: "labels of each operand, and after -> those of the result", required: true },
  },
  types: { T: numbers },
  infer: (context, node, attributes) => {
    const plan = parseEquation(attributes.string("equation"), node.inputs.map((_, i) => shapeOf(context.type(i))?.length));
    const element = elementOfInput(context, 0);
    if (!plan) return [tensorOutput(element, null)];
    const sizes = new Map<string, Dim>();
    for (const [index, labels] of plan.operands.entries())
      for (const [i, label] of labels.entries()) {
        const d = shapeOf(context.type(index))![i]!;
        const before = sizes.get(label);
        const dim = before === undefined ? d : broadcastDim(before, d);
        if (dim === undefined) reportProblem(context, node, `the label ${label} is ${before} and, in ${originOf(context, node, index)}, ${d}.`);
        sizes.set(label, dim ?? null);
      }
    return [tensorOutput(element, plan.output.map((label) => sizes.get(label) ?? null))];
  },
  evaluate: (inputs, context) => {
    const operands = inputs.map((_, i) => tensorAt(inputs, i));
    return [contractTensors(context.attributes.string("equation"), operands, context.task)];
  },
  cost: ({ attributes, inputs }) => {
    const plan = parseEquation(attributes.string("equation"), inputs.map((type) => shapeOf(type)?.length));
    const sizes = new Map<string, number>();
    for (const [i, labels] of plan?.operands.entries() ?? []) for (const [d, label] of labels.entries()) sizes.set(label, Math.max(sizes.get(label) ?? 1, staticShape(inputs[i])?.[d] ?? 0));
    return { flops: inputs.length * [...sizes.values()].reduce((a, b) => a * b, 1) };
  },
  lower: einsumLowering,
});
