import { float, int, ints, string, type Attribute } from "../../src/ir/attribute.ts";
import type { ElementType } from "../../src/ir/element-type.ts";
import type { OperatorNode } from "../../src/ir/graph.ts";
import { fromNumbers, int64Vector, type Tensor } from "../../src/ir/tensor.ts";
import { elementCount, tensorType } from "../../src/ir/value-type.ts";
import { Random } from "../../src/support/random.ts";
import { attributeReader } from "../../src/ops/attribute-reader.ts";
import { buffer, buffersRead, makeProgram, tableBuffer } from "../../src/tensor/build.ts";
import type { Lowering, LoweringContext } from "../../src/tensor/lowering.ts";
import type { Allocate, TensorProgram } from "../../src/tensor/program.ts";
import { simplifyProgram } from "../../src/tensor/schedule/primitive.ts";

export interface Case {
  readonly op?: string;
  readonly inputs: readonly (readonly number[] | null)[];
  readonly output: readonly number[];
  readonly element?: ElementType;
  readonly elements?: readonly ElementType[];
  readonly attributes?: Readonly<Record<string, number | string | readonly number[]>>;
  /** inputs known at compile time, by position */
  readonly constants?: Readonly<Record<number, readonly number[]>>;
  /** inputs that are weights, by position */
  readonly weights?: readonly number[];
}

const attribute = (name: string, value: number | string | readonly number[]): Attribute =>
  typeof value === "string" ? string(value) : typeof value === "number" ? (floats.has(name) ? float(value) : int(value)) : ints(value);
const floats = new Set(["alpha", "beta", "epsilon", "bias", "gamma"]);

/** The plain program of a lowering for given shapes, without a graph around it. */
export function programOf(lowering: Lowering, spec: Case): TensorProgram {
  const element = spec.element ?? "float32";
  const attributes = Object.fromEntries(Object.entries(spec.attributes ?? {}).map(([k, v]) => [k, attribute(k, v)]));
  const node = { id: 1, op: spec.op ?? "Test", domain: "", name: "node", inputs: [], outputs: [], attributes } as unknown as OperatorNode;
  const inputs = spec.inputs.map((dims, i) => (dims ? buffer(`x${i}`, spec.elements?.[i] ?? (spec.constants?.[i] ? "int64" : element), dims, spec.weights?.includes(i) ? "weight" : "input") : null));
  const y = buffer("y", element, spec.output, "output");
  const locals: Allocate[] = [];
  const context: LoweringContext = {
    node,
    attributes: attributeReader(node, undefined),
    inputs,
    outputs: [y],
    inputType: (i) => tensorType(inputs[i]?.element ?? null, inputs[i]?.dims ?? null),
    outputType: () => tensorType(y.element, y.dims),
    constant: (i) => (spec.constants?.[i] ? int64Vector(spec.constants[i]) : undefined),
    table: (name, type, dims, values) => {
      const made = tableBuffer(name, type, dims, values);
      locals.push({ kind: "allocate", buffer: made });
      return made;
    },
    local: (name, type, dims) => {
      const made = buffer(name, type, dims, "local");
      locals.push({ kind: "allocate", buffer: made });
      return made;
    },
  };
  const statements = lowering.build(context);
  const read = buffersRead(statements);
  const parameters = [...inputs.filter((b) => b !== null && read.has(b)).map((b) => b!), y];
  return simplifyProgram(makeProgram(spec.op?.toLowerCase() ?? "test", parameters, [...locals, ...statements]));
}

/** Seeded inputs for a program's input parameters. */
export function inputsFor(program: TensorProgram, seed = 1): Tensor[] {
  const random = new Random(seed);
  return program.parameters
    .filter((p) => p.scope === "input" || p.scope === "weight")
    .map((p) => fromNumbers(p.element, p.dims, Array.from({ length: elementCount(p.dims) }, () => (p.element.startsWith("float") ? random.normal() : p.element === "bool" ? random.below(2) : random.below(20) - (p.element.startsWith("u") ? 0 : 10)))));
}

export const worstDifference = (a: Tensor, b: Tensor): number => {
  let worst = 0;
  for (let i = 0; i < a.data.length; i++) {
    const x = Number(a.data[i]);
    const y = Number(b.data[i]);
    if (Object.is(x, y) || (Number.isNaN(x) && Number.isNaN(y)) || x === y) continue;
    worst = Math.max(worst, Number.isNaN(x - y) ? Infinity : Math.abs(x - y));
  }
  return worst;
};
