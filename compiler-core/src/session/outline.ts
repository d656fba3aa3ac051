import { outlineOnnx } from "../importers/onnx/outline.ts";
import type { BlobSource } from "../support/blob.ts";
import { StringTable } from "../support/string-table.ts";
import type { Task } from "../support/task.ts";
import type { GraphTable } from "./protocol.ts";
import { tableColumns } from "./table-columns.ts";

/**
 * The main graph of a model file as the canvas takes it, long before the model is imported: nodes, names and edges are
 * there, types and attributes are not. Rows are in the order of the file. Undefined for a file that cannot be read so;
 * opening it says why. `model` is what the table is called by; `familyOf` knows operators.
 */
export function outlineTable(model: string, source: BlobSource, task: Pick<Task, "check">, familyOf: (domain: string, op: string) => string | undefined = () => undefined): GraphTable | undefined {
  let outline: ReturnType<typeof outlineOnnx>;
  try {
    outline = outlineOnnx(source, () => task.check());
  } catch (error) {
    if (error instanceof Error && error.name === "CancelledError") throw error;
    return undefined;
  }
  const { ends: outlineEnds, text: outlineText } = outline;
  const textOf = (number: number): string => (number === 0 ? "" : outlineText.slice(outlineEnds[number - 1], outlineEnds[number]));
  // Further strings follow those of the file.
  const more = new StringTable();
  const first = outlineEnds.length - 1;
  const intern = (text: string): number => (text === "" ? 0 : first + more.intern(text));

  const initializers = new Set(outline.initializers);
  const parameters = outline.graphInputs.filter((value) => !initializers.has(value.name));
  const nodeCount = outline.ops.length;
  const kindOf = new Uint8Array(nodeCount);
  const families = new Map<number, number>();
  let operators = 0;
  for (let i = 0; i < nodeCount; i++) {
    const constant = outline.inputStart[i] === outline.inputStart[i + 1] && textOf(outline.ops[i]!) === "Constant";
    kindOf[i] = constant ? 0 : 1;
    if (!constant) operators++;
  }
  const count = parameters.length + operators;
  if (count === 0) return undefined;

  /** by number of a value's name: the producing id and output, constants after the rows */
  const producer = new Int32Array(outlineEnds.length).fill(-1);
  const producerOutput = new Uint16Array(outlineEnds.length);
  parameters.forEach((value, row) => (producer[value.name] = row));
  let nextConstant = count;
  for (const name of outline.initializers) if (producer[name] === -1) producer[name] = nextConstant++;
  let row = parameters.length;
  for (let i = 0; i < nodeCount; i++) {
    const id = kindOf[i] === 1 ? row++ : nextConstant++;
    for (let k = outline.outputStart[i]!; k < outline.outputStart[i + 1]!; k++) {
      const name = outline.outputs[k]!;
      if (name === 0) continue;
      producer[name] = id;
      producerOutput[name] = k - outline.outputStart[i]!;
    }
  }

  let inputCount = 0;
  let outputCount = parameters.length;
  for (let i = 0; i < nodeCount; i++) {
    if (kindOf[i] === 0) continue;
    inputCount += outline.inputStart[i + 1]! - outline.inputStart[i]!;
    outputCount += outline.outputStart[i + 1]! - outline.outputStart[i]!;
  }
  const columns = tableColumns(count, inputCount, outputCount);
  const { inputs, outputs } = columns;
  for (let i = 0; i < count; i++) columns.ids[i] = i;
  columns.outputBytes.fill(NaN);
  const parameterFamily = intern("parameter");
  const parameterOp = intern("Input");
  parameters.forEach((value, at) => {
    columns.ops[at] = parameterOp;
    columns.families[at] = parameterFamily;
    outputs.names[at] = value.name;
    outputs.types[at] = intern(value.type);
    columns.outputStart[at + 1] = at + 1;
  });
  row = parameters.length;
  let input = 0;
  let output = parameters.length;
  for (let i = 0; i < nodeCount; i++) {
    if (kindOf[i] === 0) continue;
    const op = outline.ops[i]!;
    columns.kinds[row] = 1;
    columns.ops[row] = op;
    columns.domains[row] = outline.domains[i]!;
    columns.names[row] = outline.names[i]!;
    let family = families.get(op);
    if (family === undefined) {
      const domain = textOf(outline.domains[i]!);
      families.set(op, (family = intern(familyOf(domain === "ai.onnx" ? "" : domain, textOf(op)) ?? "custom")));
    }
    columns.families[row] = family;
    const name = textOf(outline.names[i]! || outline.outputs[outline.outputStart[i]!]!);
    const slash = name.lastIndexOf("/");
    if (slash > 0) columns.scopes[row] = intern(name.charCodeAt(0) === 47 ? name.slice(1, slash) : name.slice(0, slash));
    for (let k = outline.inputStart[i]!; k < outline.inputStart[i + 1]!; k++, input++) {
      const value = outline.inputs[k]!;
      if (value === 0 || producer[value]! < 0) continue;
      inputs.names[input] = value;
      inputs.from[input] = producer[value]!;
      inputs.outputs[input] = producerOutput[value]!;
      if (producer[value]! >= count) inputs.flags[input] = 1;
    }
    for (let k = outline.outputStart[i]!; k < outline.outputStart[i + 1]!; k++, output++) outputs.names[output] = outline.outputs[k]!;
    columns.inputStart[row + 1] = input;
    columns.outputStart[row + 1] = output;
    row++;
  }
  const results = outline.graphOutputs.map((value) => ({ name: textOf(value.name), type: value.type, from: producer[value.name] ?? -1, output: producerOutput[value.name] ?? 0 }));
  const tail = more.column();
  const strings = { text: outlineText + tail.text, ends: new Uint32Array(first + tail.ends.length) };
  strings.ends.set(outlineEnds);
  for (let i = 1; i < tail.ends.length; i++) strings.ends[first + i] = outlineText.length + tail.ends[i]!;
  return {
    model,
    step: -1,
    strings,
    ...columns,
    bodies: [],
    parts: [],
    problems: [],
    regionViews: [{ id: 0, owner: null, name: "", parameters: parameters.map((_, i) => i), outputs: results.filter((each) => each.from >= 0 && each.from < count) }],
    lineage: [],
  };
}
