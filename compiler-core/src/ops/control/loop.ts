import { makeTensor, scalar, toNumbers } from "../../ir/tensor.ts";
import type { InferredOutput } from "../../ir/type-rules.ts";
import { tensorType, unknownType, type ValueType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator, type Value } from "../definition.ts";
import { bodyKeepsCondition, bodyOf, carriedTypes, controlVersions, stackedType, stackTurns } from "../support/bodies.ts";
import { knownInts } from "../support/infer.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { bool, everything, int64, optional, variadic } from "../support/types.ts";
import { withSequencesAndOptionals } from "../support/value-types.ts";

const counter = tensorType("int64", []);
const flag = tensorType("bool", []);

export const loop = defineOperator({
  domain: "",
  op: "Loop",
  versions: controlVersions([{ since: 1 }, { since: 11, change: "carried values may change their shapes" }], true),
  summary: "Runs a body again and again, for a number of turns or while a condition holds, and carries values from turn to turn.",
  doc:
    "The body takes the turn's number, the condition and the carried values; it gives the next condition, the next carried values and one slice of each scan output. " +
    "The loop ends before a turn when the number of turns is reached or the condition is false. A missing M or cond never ends it. Outputs: the last carried values, then the slices of each scan output stacked along a new first axis.",
  family: "control",
  inputs: [
    optional("M", "I", "the largest number of turns"),
    optional("cond", "B", "whether the first turn runs"),
    variadic("v_initial", "V", "carried values before the first turn"),
  ],
  outputs: [variadic("v_final_and_scan_outputs", "V", "carried values after the last turn, then scan outputs")],
  attributes: { body: { kind: "graph", doc: "what one turn does", required: true } },
  types: { V: withSequencesAndOptionals(everything), I: int64, B: bool },
  infer: (context, node) => {
    const region = bodyOf(node, "body");
    const count = Math.max(0, node.inputs.length - 2);
    const initial = Array.from({ length: count }, (_, i) => context.type(i + 2));
    const around = (carried: readonly ValueType[]): InferredOutput[] => [{ type: counter }, { type: flag }, ...carried.map((type) => ({ type }))];
    const results = (all: readonly InferredOutput[]): readonly InferredOutput[] => all.slice(1, 1 + count);
    const types = carriedTypes(context, region, initial, around, results);
    const inferred = context.inferBody(region, around(types));
    // The number of turns is known only when nothing but M can end the loop.
    const condition = node.inputs[1] ? context.constant(1) : undefined;
    const starts = !node.inputs[1] || (condition?.count === 1 && toNumbers(condition.tensor())[0] === 1);
    const turns = starts && (context.graph !== undefined && bodyKeepsCondition(context.graph, region)) ? (context.known(0)?.[0] ?? knownInts(context, 0)?.[0] ?? null) : null;
    return node.outputs.map((_, i) => {
      if (i < count) return { type: types[i]! };
      const slice = inferred[i + 1];
      return { type: stackedType(slice?.type ?? unknownType, turns) };
    });
  },
  control: ({ node }) => {
    const count = Math.max(0, node.inputs.length - 2);
    return {
      kind: "turns",
      body: "body",
      ...(node.inputs[0] ? { limit: { input: 0 } } : {}),
      counter: 0,
      condition: { ...(node.inputs[1] ? { input: 1 } : {}), parameter: 1, result: 0 },
      states: Array.from({ length: count }, (_, i) => ({ input: i + 2, parameter: i + 2, result: i + 1, output: i })),
      slices: [],
      stacks: node.outputs.slice(count).map((_, i) => ({ result: 1 + count + i, output: count + i, axis: 0, reversed: false })),
    };
  },
  evaluate: (inputs, context) => {
    const limitTensor = optionalTensor(inputs, 0);
    const limit = limitTensor ? toNumbers(limitTensor)[0]! : Infinity;
    let going = inputs[1] ? toNumbers(tensorAt(inputs, 1))[0] !== 0 : true;
    let carried: readonly Value[] = inputs.slice(2).map((value, i) => {
      if (value) return value;
      throw new GraphwrightError("missing-input", `input ${i + 2} is required, but not given.`);
    });
    const count = carried.length;
    const turns: Value[][] = Array.from({ length: Math.max(0, context.outputCount - count) }, () => []);
    for (let turn = 0; turn < limit && going; turn++) {
      context.task.check();
      const results = context.runBody("body", [makeTensor("int64", [], BigInt64Array.of(BigInt(turn))), scalar("bool", 1), ...carried]);
      going = toNumbers(tensorAt(results, 0))[0] !== 0;
      carried = results.slice(1, 1 + count);
      for (const [i, list] of turns.entries()) if (context.wanted(count + i)) list.push(results[1 + count + i]!);
    }
    return [...carried, ...turns.map((list, i) => (context.wanted(count + i) ? stackTurns(list, context.node.outputs[count + i]?.type) : null))];
  },
});
