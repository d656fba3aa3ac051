import { describe, expect, test } from "vitest";
import { evaluateGraph, evaluateGraphAsync, evaluateModel, evaluateNode, evaluateSubgraph } from "../../src/evaluate/index.ts";
import { ConstantValue, emptyGraph, type Graph, makeTensor, parseGraph, Rewriter, type Tensor, tensorType, toNumbers, type ValueRef } from "../../src/ir/index.ts";
import { isTensor, typeRules, type Value } from "../../src/ops/index.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { CancelledError, silentTask } from "../../src/support/task.ts";

const parse = (text: string): Graph => parseGraph(text, { rules: typeRules });
const vector = (...values: number[]): Tensor => makeTensor("float32", [values.length], Float32Array.from(values));
const numbers = (value: Value | null | undefined): number[] => (isTensor(value) ? Array.from(toNumbers(value)) : []);
const run = (graph: Graph, inputs: Record<string, Value>): number[] => numbers([...evaluateModel(graph, new Map(Object.entries(inputs))).values()][0]);
const valueNamed = (graph: Graph, name: string): ValueRef => {
  for (const node of graph) for (const [output, { name: own }] of node.outputs.entries()) if (own === name) return { node: node.id, output };
  throw new Error(`no value ${name}`);
};

/** The code and text of the error that `body` throws. */
function problem(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof GraphwrightError) return `${error.diagnostic.code}: ${error.message}`;
    throw error;
  }
  return "no error";
}

describe("evaluation of a graph", () => {
  const chain = parse(`graph @main(%x: float32[N]) -> (%z: float32[N]) {
  %w = constant float32[1] [10]
  %y = Mul(%x, %w)
  %z = Add(%y, %x)
  return %z
}`);

  test("runs nodes in order and reads constants", () => {
    expect(run(chain, { x: vector(1, 2) })).toEqual([11, 22]);
  });

  test("gives inner values, and runs nothing they do not need", () => {
    const graph = parse(`graph @main(%x: float32[2]) -> (%z: ?[*]) {
  %y = Neg(%x)
  %z = com.acme.Unknown(%y)
  return %z
}`);
    const [inner] = evaluateGraph(graph, new Map([["x", vector(1, 2)]]), { wanted: [valueNamed(graph, "y")] });
    expect(numbers(inner)).toEqual([-1, -2]);
    expect(problem(() => run(graph, { x: vector(1, 2) }))).toMatch(/^no-evaluator: node z \(com\.acme\.Unknown\): the operator com\.acme\.Unknown is not known.*Give the model a function/);
  });

  test("shows every value it computes, once", () => {
    const seen: string[] = [];
    evaluateGraph(chain, new Map([["x", vector(3)]]), { keep: (ref, value) => seen.push(`${chain.valueName(ref)}=${numbers(value).join()}`) });
    expect(seen).toEqual(["y=30", "z=33"]);
  });

  test("a subgraph between given and wanted values runs by itself", () => {
    const values = evaluateSubgraph(chain, [{ ref: valueNamed(chain, "y"), value: vector(1) }, { ref: valueNamed(chain, "x"), value: vector(5) }], [valueNamed(chain, "z")]);
    expect(values.map(numbers)).toEqual([[6]]);
    expect(problem(() => evaluateSubgraph(chain, [], [valueNamed(chain, "z")]))).toMatch(/^no-value: .*"x"/);
  });

  test("one node runs on given values", () => {
    const node = chain.operator(valueNamed(chain, "y").node)!;
    expect(evaluateNode(chain, node, [vector(2), vector(4)]).map(numbers)).toEqual([[8]]);
  });

  test("bodies see captured values, also two levels up", () => {
    const graph = parse(`graph @main(%c: bool[], %x: float32[2]) -> (%z: float32[2]) {
  %y = Neg(%x)
  %z = If(%c) then_branch () {
    %i = If(%c) then_branch () {
      %t = Add(%y, %x)
      return %t
    } else_branch () {
      return %x
    }
    return %i
  } else_branch () {
    return %y
  }
  return %z
}`);
    const flag = (v: number): Tensor => makeTensor("bool", [], Uint8Array.of(v));
    expect(run(graph, { c: flag(1), x: vector(1, 2) })).toEqual([0, 0]);
    expect(run(graph, { c: flag(0), x: vector(1, 2) })).toEqual([-1, -2]);
  });

  test("a fused group runs its body", () => {
    const graph = parse(`graph @main(%x: float32[2]) -> (%f: float32[2]) {
  %w = constant float32[2] [1, -4]
  %f = graphwright.Fused(%x, %w) {kind = "Add+Relu"} body (%a, %b) {
    %s = Add(%a, %b)
    %r = Relu(%s)
    return %r
  }
  return %f
}`);
    expect(graph.type(valueNamed(graph, "f")).text).toBe("float32[2]");
    expect(run(graph, { x: vector(1, 2) })).toEqual([2, 0]);
  });

  const functions = (attributes: string): Graph =>
    parse(`model {ir_version = 8, opset = {"" = 17, "local" = 1}}
graph @g(%x: float32[2]) -> (%y: ?[*]) {
  %y = local.Scaled(%x)${attributes}
  return %y
}
function "local" "Scaled" attributes {axis, alpha = 0.5} opset {"" = 17} (%a) -> (%c) {
  %b = LeakyRelu(%a) {alpha = ref alpha "FLOAT"}
  %c = Concat(%b, %b) {axis = ref axis "INT"}
  return %c
}
`);

  test("calls of functions bind attributes, and their types are inferred through the body", () => {
    const graph = functions(" {axis = 0}");
    expect(graph.type(valueNamed(graph, "y")).text).toBe("float32[4]");
    expect(run(graph, { x: vector(-2, 3) })).toEqual([-1, 3, -1, 3]);
    expect(run(functions(" {axis = 0, alpha = 2.0}"), { x: vector(-2, 3) })).toEqual([-4, 3, -4, 3]);
    expect(problem(() => run(functions(""), { x: vector(1, 2) }))).toMatch(/^missing-attribute: node y \(local\.Scaled\): .*"axis"/);
  });

  test("wrong inputs are named", () => {
    const two = parse(`graph @main(%a: float32[N, 2], %b: float32[N]) -> (%a: float32[N, 2]) { return %a }`);
    const matrix = makeTensor("float32", [3, 2]);
    expect(problem(() => run(two, { a: matrix }))).toMatch(/^missing-input: the input "b" \(float32\[N\]\) is not given/);
    expect(problem(() => run(two, { a: matrix, b: makeTensor("int64", [3]) }))).toMatch(/^input-type: the input "b" must be of element type float32, but is int64/);
    expect(problem(() => run(two, { a: makeTensor("float32", [3, 4]), b: vector(1, 2, 3) }))).toMatch(/^input-shape: the input "a".*dimension 1 differs/);
    expect(problem(() => run(two, { a: matrix, b: vector(1) }))).toMatch(/^input-shape: the dimension "N" is 3 in the input "a" and 1 in "b"/);
    expect(problem(() => run(two, { a: matrix, b: vector(1, 2, 3), c: matrix }))).toMatch(/^unknown-input: the model has no input "c".*Its inputs are "a", "b"/);
  });

  test("errors of an operator stand at its node", () => {
    const graph = parse(`graph @main(%x: float32[*]) -> (%y: ?[*]) {
  %s = constant int64[1] [5]
  %y = Reshape(%x, %s) "flatten_3"
  return %y
}`);
    expect(problem(() => run(graph, { x: vector(1, 2) }))).toMatch(/^reshape: node flatten_3 \(Reshape\): an input of shape \[2\] cannot take the shape \[5\]/);
    const types = parse(`graph @main(%x: int64[1]) -> (%y: ?[*]) {
  %y = Sigmoid(%x) "act"
  return %y
}`);
    expect(problem(() => run(types, { x: makeTensor("int64", [1]) }))).toMatch(/^input-type: node act \(Sigmoid\): input 0 \("X"\) is of element type int64/);
  });

  test("a cancelled task stops between nodes", async () => {
    let checks = 0;
    const task = { ...silentTask, check: () => { if (++checks > 1) throw new CancelledError(); } };
    expect(() => evaluateGraph(chain, new Map([["x", vector(1)]]), { task })).toThrow(CancelledError);
    expect((await evaluateGraphAsync(chain, new Map([["x", vector(1, 2)]]))).map(numbers)).toEqual([[11, 22]]);
  });

  test("a parameter's fallback is taken when the input is not given", () => {
    const rewriter = new Rewriter(emptyGraph(), typeRules);
    const x = rewriter.addParameter({ name: "x", type: tensorType("float32", [2]), fallback: ConstantValue.of(vector(7, 8)) });
    rewriter.addOutput(0, { name: "y", value: { node: rewriter.addNode({ op: "Neg", inputs: [x], outputs: ["y"] }), output: 0 } });
    const { graph } = rewriter.commit({ pass: "test", rewrite: "build", site: "", matched: [] });
    expect(run(graph, {})).toEqual([-7, -8]);
    expect(run(graph, { x: vector(1, 2) })).toEqual([-1, -2]);
  });
});
