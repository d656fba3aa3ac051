import { isTensor, type OperatorDefinition, type ParameterInfo, type Value } from "../ops/definition.ts";
import { GraphwrightError } from "../support/diagnostic.ts";

const allowedTypes = new WeakMap<OperatorDefinition, Map<string, ReadonlySet<string>>>();

function allowed(definition: OperatorDefinition, type: string): ReadonlySet<string> | undefined {
  let table = allowedTypes.get(definition);
  if (!table) {
    table = new Map(Object.entries(definition.types ?? {}).map(([name, types]) => [name, new Set(types)]));
    allowedTypes.set(definition, table);
  }
  const set = table.get(type);
  if (set) return set;
  return type.startsWith("tensor(") ? new Set([type]) : undefined;
}

/**
 * Checks a node's inputs against the schema: how many there are, which may be omitted, their element types, and that
 * inputs of one type variable agree. Throws "input-count", "missing-input" or "input-type".
 */
export function checkInputs(definition: OperatorDefinition, inputs: readonly (Value | null)[]): void {
  const formal = definition.inputs;
  const last = formal.at(-1);
  if (inputs.length > formal.length && last?.presence !== "variadic")
    throw new GraphwrightError("input-count", `${definition.op} takes at most ${formal.length} inputs, but ${inputs.length} are given.`);
  const bound = new Map<string, { type: string; index: number }>();
  const count = Math.max(inputs.length, formal.length);
  for (let index = 0; index < count; index++) {
    const parameter = (formal[index] ?? last) as ParameterInfo;
    const value = inputs[index] ?? null;
    if (value === null) {
      if (parameter.presence === undefined || parameter.presence === "required") throw new GraphwrightError("missing-input", `input ${index} ("${parameter.name}") is required, but not given.`);
      continue;
    }
    if (!isTensor(value)) continue;
    const type = `tensor(${value.element})`;
    const set = allowed(definition, parameter.type);
    if (set && !set.has(type)) throw new GraphwrightError("input-type", `input ${index} ("${parameter.name}") is of element type ${value.element}, which ${definition.op} does not take there.`);
    if (parameter.presence === "variadic" || !definition.types?.[parameter.type]) continue;
    const before = bound.get(parameter.type);
    if (!before) bound.set(parameter.type, { type, index });
    else if (before.type !== type)
      throw new GraphwrightError("input-type", `inputs ${before.index} and ${index} must have one element type, but are ${before.type.slice(7, -1)} and ${value.element}.`);
  }
}
