import { unknownType, sequenceType, type ValueType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator, type Value } from "../definition.ts";
import { bodyOf } from "../support/bodies.ts";
import { sequence, sequenceAt, type SequenceValue } from "../support/sequences.ts";
import { required, variadic } from "../support/types.ts";
import { firstSequences, firstTensors, withSequences } from "../support/value-types.ts";

const elementType = (type: ValueType): ValueType => (type.kind === "sequence" ? type.of : type);
const isSequence = (value: Value | null): value is SequenceValue => !!value && "kind" in value && value.kind === "sequence";

export const sequenceMap = defineOperator({
  domain: "",
  op: "SequenceMap",
  versions: [{ since: 17 }],
  summary: "Runs a body on every element of a sequence and collects the results in sequences.",
  doc: "Further inputs that are sequences are walked in step with the first and must be as long; tensors are given to every run as they are.",
  family: "sequence",
  inputs: [required("input_sequence", "S", "the sequence that is walked"), variadic("additional_inputs", "V", "sequences walked alongside, or tensors given to every run")],
  outputs: [variadic("out_sequence", "S", "the results of every run, one sequence for each output of the body")],
  attributes: { body: { kind: "graph", doc: "what is done with one element of each sequence", required: true } },
  types: { S: firstSequences, V: withSequences(firstTensors) },
  infer: (context, node) => {
    const results = context.inferBody(bodyOf(node, "body"), node.inputs.map((_, i) => ({ type: elementType(context.type(i)) })));
    return node.outputs.map((_, i) => ({ type: sequenceType(results[i]?.type ?? unknownType) }));
  },
  evaluate: (inputs, context) => {
    const { items } = sequenceAt(inputs, 0);
    for (const [i, value] of inputs.entries())
      if (isSequence(value) && value.items.length !== items.length)
        throw new GraphwrightError("shape-contradiction", `input ${i} has ${value.items.length} elements, but input 0 has ${items.length}.`);
    const runs = items.map((_, at) => {
      context.task.check();
      return context.runBody("body", inputs.map((value) => (isSequence(value) ? value.items[at]! : value!)));
    });
    return context.node.outputs.map((result, i) => sequence(runs.map((run) => run[i]!), result.type.kind === "sequence" ? result.type.of : undefined));
  },
});
