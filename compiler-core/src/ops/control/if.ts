import type { Dim } from "../../ir/dim.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { unknownType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { bodyOf, controlVersions } from "../support/bodies.ts";
import { output } from "../support/infer.ts";
import { tensorAt } from "../support/numbers.ts";
import { bool, everything, required, variadic } from "../support/types.ts";
import { joinTypes, withSequencesAndOptionals } from "../support/value-types.ts";

const sameKnown = (a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): readonly Dim[] | undefined =>
  a && b && a.length === b.length && a.every((d, i) => d !== null && d === b[i]) ? a : undefined;

export const ifOperator = defineOperator({
  domain: "",
  op: "If",
  versions: controlVersions([{ since: 1 }, { since: 11, change: "branches may give outputs of different shapes" }], true),
  summary: "Runs one of two bodies, chosen by a condition.",
  doc: "The bodies take no parameters and use values of the enclosing graph. Both give as many outputs as the node has, with equal element types; only the chosen body runs.",
  family: "control",
  inputs: [required("cond", "B", "one element: true chooses then_branch")],
  outputs: [variadic("outputs", "V", "what the chosen body gives")],
  attributes: {
    then_branch: { kind: "graph", doc: "body that runs when the condition is true", required: true },
    else_branch: { kind: "graph", doc: "body that runs when the condition is false", required: true },
  },
  types: { V: withSequencesAndOptionals(everything), B: bool },
  infer: (context, node) => {
    const then = context.inferBody(bodyOf(node, "then_branch"), []);
    const otherwise = context.inferBody(bodyOf(node, "else_branch"), []);
    const constant = context.constant(0);
    const condition = constant?.count === 1 ? toNumbers(constant.tensor())[0]! : context.known(0)?.[0];
    if (typeof condition === "number") return condition ? then : otherwise;
    return node.outputs.map((_, i) => {
      const a = then[i];
      const b = otherwise[i];
      if (!a || !b) return a ?? b ?? output(unknownType);
      return output(joinTypes(a.type, b.type), sameKnown(a.known, b.known));
    });
  },
  control: () => ({ kind: "branches", condition: 0, bodies: ["then_branch", "else_branch"] }),
  evaluate: (inputs, context) => context.runBody(toNumbers(tensorAt(inputs, 0))[0] ? "then_branch" : "else_branch", []),
});
