/**
 * Graphs of any size with the sharing that exporters leave behind: convolutions with normalization of their own
 * weights, attention-like blocks with repeated scalar constants and shape arithmetic, dropout and identities, and
 * scalars that thousands of nodes use.
 */
import { ConstantValue, emptyGraph, makeTensor, Rewriter, tensorType, type Graph, type ValueRef } from "../src/ir/index.ts";
import { typeRules } from "../src/ops/index.ts";
import { Random } from "../src/support/random.ts";

const channels = 8;

export function syntheticGraph(nodeCount: number, seed = 1): Graph {
  const random = new Random(seed);
  const rewriter = new Rewriter(emptyGraph({ opsets: { "": 21 } }), typeRules);
  let made = 0;
  const floats = (name: string, dims: readonly number[], draw: () => number): ValueRef => {
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, draw);
    return rewriter.addConstant({ name, value: ConstantValue.of(makeTensor("float32", dims, data)) });
  };
  const integers = (name: string, values: readonly number[], dims: readonly number[] = [values.length]): ValueRef =>
    rewriter.addConstant({ name, value: ConstantValue.of(makeTensor("int64", dims, BigInt64Array.from(values, BigInt))) });
  const node = (op: string, inputs: readonly (ValueRef | null)[], attributes: Parameters<Rewriter["addNode"]>[0]["attributes"] = {}): ValueRef => {
    const name = `${op}_${made++}`;
    return { node: rewriter.addNode({ op, inputs, attributes, outputs: [`${name}_out`], name }), output: 0 };
  };
  // Used by blocks all over the graph.
  const half = floats("half", [], () => 0.5);
  const one = floats("one", [], () => 1);
  const x = rewriter.addParameter({ name: "x", type: tensorType("float32", [1, channels, 4, 4]) });
  let at = x;
  for (let block = 0; made < nodeCount; block++) {
    const skip = at;
    if (block % 2 === 0) {
      // Convolution, normalization, rectifier; a residual sum.
      for (let i = 0; i < 2; i++) {
        const name = `block${block}.${i}`;
        at = node("Conv", [at, floats(`${name}.weight`, [channels, channels, 1, 1], () => random.normal() / 4)], { kernel_shape: { kind: "ints", value: [1, 1] } });
        const parameter = (what: string, draw: () => number): ValueRef => floats(`${name}.${what}`, [channels], draw);
        at = node("BatchNormalization", [at, parameter("scale", () => 1 + random.uniform()), parameter("shift", () => random.normal()), parameter("mean", () => random.normal()), parameter("variance", () => 1 + random.uniform())]);
        if (i === 0) at = node("Relu", [at]);
      }
      at = node("Relu", [node("Add", [at, skip])]);
      at = node("Identity", [at]);
    } else {
      // Shape arithmetic around a reshape, scalars of its own and shared ones, a gate.
      const name = `block${block}`;
      const shape = node("Shape", [at]);
      const batch = node("Unsqueeze", [node("Gather", [shape, integers(`${name}.zero`, [0], [])]), integers(`${name}.axis`, [0])]);
      const flat = node("Reshape", [at, node("Concat", [batch, integers(`${name}.rest`, [channels, 16])], { axis: { kind: "int", value: 0 } })]);
      const scaled = node("Mul", [flat, floats(`${name}.scale`, [], () => 0.125)]);
      const gate = node("Mul", [node("Add", [node("Tanh", [scaled]), one]), half]);
      const product = node("Mul", [node("Mul", [flat, one]), gate]);
      at = node("Reshape", [node("Transpose", [node("Transpose", [product], { perm: { kind: "ints", value: [0, 2, 1] } })], { perm: { kind: "ints", value: [0, 2, 1] } }), integers(`${name}.shape`, [1, channels, 4, 4])]);
    }
  }
  rewriter.addOutput(0, { name: "y", value: at });
  return rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] }).graph;
}
