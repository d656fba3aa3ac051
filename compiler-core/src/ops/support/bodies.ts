import type { Dim } from "../../ir/dim.ts";
import type { OperatorNode, RegionId, ValueRef } from "../../ir/graph.ts";
import { allocate, makeTensor, type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { GraphView, InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { elementOf, shapeOf, staticShape, tensorType, unknownType, type ValueType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { isTensor, type OperatorVersion, type Value } from "../definition.ts";
import { stackTensors } from "./join-tensors.ts";
import { floats8, tensors } from "./types.ts";
import { joinTypes, withoutShape } from "./value-types.ts";

/** How the set of types that control operators pass along grew. */
export const controlVersions = (first: readonly OperatorVersion[], sequencesSince: boolean): readonly OperatorVersion[] => [
  ...first,
  ...(sequencesSince ? [{ since: 13, change: "sequences" }] : []),
  { since: 16, change: sequencesSince ? "optionals; more element types" : "more element types", allows: tensors("bfloat16") },
  { since: 19, change: "more element types", allows: floats8 },
  { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
  { since: 23, change: "more element types", allows: tensors("float4e2m1") },
  { since: 24, change: "more element types", allows: tensors("float8e8m0") },
  { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
];

/** The region of a required body. Throws "missing-body". */
export function bodyOf(node: OperatorNode, name: string): number {
  const region = node.regions[name];
  if (region === undefined) throw new GraphwrightError("missing-body", `the graph attribute "${name}" is required.`);
  return region;
}

/** True when the condition that the body of a Loop gives is always true: a constant, or the condition that it was given. */
export function bodyKeepsCondition(graph: Pick<GraphView, "node" | "region">, region: RegionId): boolean {
  const { parameters, outputs } = graph.region(region);
  let ref: ValueRef | null = outputs[0]?.value ?? null;
  for (let steps = 0; ref && steps < 64; steps++) {
    const node = graph.node(ref.node);
    if (node.kind === "parameter") return node.id === parameters[1];
    if (node.kind === "constant") return node.value.count === 1 && toNumbers(node.value.tensor())[0] === 1;
    if (node.op !== "Identity" || node.domain !== "") return false;
    ref = node.inputs[0] ?? null;
  }
  return false;
}

/**
 * Types of values that a loop carries: those that hold before the first turn and after every turn. Starts from the
 * initial types and gives up dimensions that a turn changes until nothing changes any more; `around` places the
 * carried types among the body's parameters and `carried` finds them among its results.
 */
export function carriedTypes(
  context: InferContext,
  region: number,
  initial: readonly ValueType[],
  around: (carried: readonly ValueType[]) => readonly InferredOutput[],
  carried: (results: readonly InferredOutput[]) => readonly InferredOutput[],
): readonly ValueType[] {
  if (!context.tryBody) return initial.map(withoutShape);
  let types = initial;
  // A dimension can only be given up once and a rank only once, so few turns settle it; the bound is for safety.
  for (let turn = 0; turn < 8; turn++) {
    const after = carried(context.tryBody(region, around(types)));
    const next = types.map((type, i) => (after[i] ? joinTypes(type, after[i].type) : withoutShape(type)));
    if (next.every((type, i) => type === types[i])) return types;
    types = next;
  }
  return initial.map(withoutShape);
}

/** The type of one turn's result stacked over all turns. */
export function stackedType(type: ValueType, count: Dim, axis = 0): ValueType {
  if (type.kind !== "tensor") return type.kind === "unknown" ? unknownType : type;
  const shape = shapeOf(type);
  if (shape === null) return tensorType(type.element, null);
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  return tensorType(type.element, [...shape.slice(0, at), count, ...shape.slice(at)]);
}

/**
 * Results of all turns stacked along a new axis. Without any turn the element type and the other dimensions come from
 * the inferred type; dimensions that are not known become 0.
 */
export function stackTurns(turns: readonly Value[], declared: ValueType | undefined, axis = 0): Tensor {
  const parts = turns.map((value) => {
    if (isTensor(value)) return value;
    throw new GraphwrightError("element-type", "a scan output must be a tensor in every turn.");
  });
  const first = parts[0];
  if (first) return stackTensors(parts, axis < 0 ? axis + first.dims.length + 1 : axis);
  const element = elementOf(declared) ?? "float32";
  const shape = shapeOf(declared) ?? [0];
  const at = axis < 0 ? axis + shape.length : axis;
  const dims = staticShape(declared) ?? shape.map((d) => (typeof d === "number" ? d : 0));
  const empty = dims.map((d, i) => (i === at ? 0 : d));
  return makeTensor(element, empty, allocate(element, 0));
}
