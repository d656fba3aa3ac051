import { type Dim, parseDim, symbol } from "../../src/ir/dim.ts";
import { ConstantValue, emptyGraph, type Graph, type OperatorNode, Rewriter, tensorType, typeOfTensor, type ValueRef, type ValueType } from "../../src/ir/index.ts";
import { toNumbers } from "../../src/ir/tensor.ts";
import { evaluateNode } from "../../src/evaluate/index.ts";
import { isTensor, typeRules, type Value } from "../../src/ops/index.ts";
import { typeOfValue } from "../../src/ops/support/sequences.ts";
import type { NodeCase } from "./node-case.ts";

/** What inference is told: sizes or symbols of the inputs, and which inputs it sees the elements of. */
export interface Knowledge {
  readonly sizes: "known" | "symbolic";
  readonly elements: "constants" | "none";
}

interface Built {
  readonly graph: Graph;
  readonly node: OperatorNode;
  /** sizes of the symbols */
  readonly sizes: ReadonlyMap<string, number>;
  readonly problems: readonly string[];
}

/** A graph of the one node. */
function build(each: NodeCase, knowledge: Knowledge): Built {
  const rewriter = new Rewriter(emptyGraph({ opsets: { "": 26, "ai.onnx.ml": 5 } }), typeRules);
  const sizes = new Map<string, number>();
  const inputs = each.inputs.map((value, index): ValueRef | null => {
    if (value === null) return null;
    const name = `x${index}`;
    if (!isTensor(value)) return rewriter.addParameter({ name, type: typeOfValue(value) });
    if (knowledge.elements === "constants" && each.constants?.includes(index)) return rewriter.addConstant({ name, value: ConstantValue.of(value) });
    const shape = value.dims.map((d, axis): Dim => {
      // Sizes of 1 and 0 are what broadcasting and emptiness depend on: models state them.
      if (knowledge.sizes === "known" || d < 2) return d;
      sizes.set(`d${index}_${axis}`, d);
      return symbol(`d${index}_${axis}`);
    });
    return rewriter.addParameter({ name, type: tensorType(value.element, shape) });
  });
  const id = rewriter.addNode({
    op: each.op,
    ...(each.domain === undefined ? {} : { domain: each.domain }),
    inputs,
    ...(each.attributes ? { attributes: each.attributes } : {}),
    outputs: Array.from({ length: each.outputs ?? 1 }, (_, i) => `y${i}`),
  });
  const { graph } = rewriter.commit({ pass: "test", rewrite: "build", site: "", matched: [] });
  return { graph, node: graph.operator(id)!, sizes, problems: rewriter.diagnostics.map((d) => d.message) };
}

/** The size of a dimension where its symbols have these sizes. */
export function sizeOf(dim: Dim, sizes: ReadonlyMap<string, number>): Dim {
  if (dim === null || typeof dim === "number") return dim;
  return parseDim(dim.text.replace(/[A-Za-z_]\w*/g, (name) => `${sizes.get(name) ?? name}`));
}

/** What inference says wrong of a value: undefined when all it says holds. */
export function contradicted(type: ValueType, known: readonly Dim[] | undefined, value: Value | null, sizes: ReadonlyMap<string, number>): string | undefined {
  if (value === null) return undefined;
  const actual = typeOfValue(value);
  if (type.kind === "unknown") return undefined;
  if (type.kind !== actual.kind) return `${type.text}, evaluated as ${actual.text}`;
  if (type.kind !== "tensor" || !isTensor(value)) return undefined;
  if (type.element !== null && type.element !== value.element) return `${type.text}, evaluated as ${actual.text}`;
  if (type.shape !== null) {
    const dims = type.shape.map((d) => sizeOf(d, sizes));
    if (dims.length !== value.dims.length || dims.some((d, i) => d !== null && d !== value.dims[i])) return `${type.text} = [${dims.join(", ")}], evaluated as ${actual.text}`;
  }
  if (!known) return undefined;
  const numbers = Array.from(toNumbers(value));
  if (known.length !== numbers.length || known.some((d, i) => d !== null && sizeOf(d, sizes) !== numbers[i])) return `known as [${known.join(", ")}], evaluated as [${numbers.join(", ")}]`;
  return undefined;
}

/** How many output dimensions there were, and how many inference said something of. */
export interface Tally {
  dims: number;
  said: number;
}

/** Holds inference against evaluation. Gives what is wrong, or undefined; throws what evaluation throws. */
export function checkInference(each: NodeCase, knowledge: Knowledge, tally: Tally): string | undefined {
  const { graph, node, sizes, problems } = build(each, knowledge);
  const values = evaluateNode(graph, node, each.inputs);
  if (problems.length > 0) return `reported of a valid node: ${problems[0]}`;
  for (const [index, output] of node.outputs.entries()) {
    const value = values[index] ?? null;
    const wrong = contradicted(output.type, output.known, value, sizes);
    if (wrong !== undefined) return `output ${index} is ${wrong}`;
    if (isTensor(value)) {
      tally.dims += value.dims.length;
      if (output.type.kind === "tensor") tally.said += output.type.shape?.filter((d) => d !== null).length ?? 0;
    }
    // With all sizes and all deciding elements in sight, nothing may stay open.
    if (knowledge.sizes === "known" && knowledge.elements === "constants" && !each.open && isTensor(value) && output.type !== typeOfTensor(value)) return `output ${index} is ${output.type.text}, evaluated as ${typeOfTensor(value).text}`;
  }
  return undefined;
}
