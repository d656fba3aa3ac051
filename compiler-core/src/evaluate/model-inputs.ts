import type { Dim } from "../ir/dim.ts";
import type { Graph, NodeId, ParameterNode, RegionId } from "../ir/graph.ts";
import type { ValueType } from "../ir/value-type.ts";
import { isTensor, type Value } from "../ops/index.ts";
import { GraphwrightError } from "../support/diagnostic.ts";

/** Inputs by the parameter's name or node id. */
export type ModelInputs = ReadonlyMap<string | NodeId, Value>;

/**
 * Gives each parameter its value. Throws "missing-input", "unknown-input", "input-type" or "input-shape", naming the
 * input; a named symbolic dimension must have one size in all inputs.
 */
export function bindInputs(graph: Graph, region: RegionId, inputs: ModelInputs): Map<NodeId, readonly Value[]> {
  const bound = new Map<NodeId, readonly Value[]>();
  const symbols = new Map<string, { size: number; input: string }>();
  const used = new Set<string | NodeId>();
  const parameters = graph.region(region).parameters.map((id) => graph.node(id) as ParameterNode);
  for (const node of parameters) {
    const { name, type } = node.outputs[0]!;
    used.add(name).add(node.id);
    const value = inputs.get(node.id) ?? inputs.get(name);
    if (!value) {
      if (node.fallback) continue;
      throw new GraphwrightError("missing-input", `the input "${name}" (${type.text}) is not given.`, undefined, "Give a value for every input of the model.");
    }
    checkValue(name, type, value, symbols);
    bound.set(node.id, [value]);
  }
  for (const key of inputs.keys())
    if (!used.has(key))
      throw new GraphwrightError("unknown-input", `the model has no input "${key}".`, undefined, `Its inputs are ${parameters.map((p) => `"${p.outputs[0]!.name}"`).join(", ") || "none"}.`);
  return bound;
}

function checkValue(name: string, type: ValueType, value: Value, symbols: Map<string, { size: number; input: string }>): void {
  if (type.kind === "unknown") return;
  const kind = isTensor(value) ? "tensor" : value.kind;
  if (type.kind !== kind) throw new GraphwrightError("input-type", `the input "${name}" must be ${type.text}, but a ${kind} is given.`);
  if (type.kind !== "tensor" || !isTensor(value)) return;
  if (type.element !== null && type.element !== value.element)
    throw new GraphwrightError("input-type", `the input "${name}" must be of element type ${type.element}, but is ${value.element}.`);
  if (type.shape === null) return;
  const given = `${value.element}[${value.dims.join(", ")}]`;
  if (type.shape.length !== value.dims.length) throw new GraphwrightError("input-shape", `the input "${name}" must be ${type.text}, but ${given} is given: the ranks differ.`);
  for (const [axis, dim] of type.shape.entries()) checkDim(name, type.text, given, axis, dim, value.dims[axis]!, symbols);
}

function checkDim(name: string, expected: string, given: string, axis: number, dim: Dim, size: number, symbols: Map<string, { size: number; input: string }>): void {
  if (dim === null || dim === size) return;
  if (typeof dim === "number") throw new GraphwrightError("input-shape", `the input "${name}" must be ${expected}, but ${given} is given: dimension ${axis} differs.`);
  const before = symbols.get(dim.text);
  if (!before) symbols.set(dim.text, { size, input: name });
  else if (before.size !== size)
    throw new GraphwrightError("input-shape", `the dimension "${dim.text}" is ${before.size} in the input "${before.input}" and ${size} in "${name}".`);
}
