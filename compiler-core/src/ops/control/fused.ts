import { fusedDomain, fusedOp } from "../../ir/graph.ts";
import { defineOperator } from "../definition.ts";
import { variadic } from "../support/types.ts";

export const fused = defineOperator({
  domain: fusedDomain,
  op: fusedOp,
  versions: [{ since: 1 }],
  summary: "A fused group: runs its body, whose parameters are the node's inputs.",
  doc: "The body uses only its parameters. An export to ONNX writes the body in place of the group.",
  family: "fused",
  inputs: [variadic("inputs", "any", "the body's parameters, in order")],
  outputs: [variadic("outputs", "any", "the body's results, in order")],
  infer: (context, node) =>
    context.inferBody(
      node.regions.body!,
      node.inputs.map((_, index) => {
        const known = context.known(index);
        return known ? { type: context.type(index), known } : { type: context.type(index) };
      }),
    ),
  evaluate: (inputs, context) => context.runBody("body", inputs.map((value) => value!)),
});
