/**
 * Random graphs of loops and branches in each other, with states that trade places, captured values, views and early ends: as
 * WebAssembly they give what the reference evaluation gives, as they are and after a build's own rewrites.
 * `GRAPHWRIGHT_CONTROL_GRAPHS=400` for a long run.
 */
import { expect, test } from "vitest";
import { generateWasm, loadWasm } from "../../src/bundle/index.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { fromNumbers, type Tensor, tensorBytes, tensorFromBytes, toNumbers } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { chooseKernels } from "../../src/session/build.ts";
import { Random } from "../../src/support/random.ts";
import { silentTask } from "../../src/support/task.ts";

/** Text of a graph of x, y: float32[6] and n: int64[], with bodies up to a depth. */
function randomGraph(random: Random): string {
  let names = 0;
  const fresh = (): string => `%v${names++}`;
  const oneOf = <T>(list: readonly T[]): T => list[random.below(list.length)]!;

  /** Statements; `own` are the values that they make, all float32[6]. */
  const block = (scope: readonly string[], depth: number, size: number): { text: string; own: string[] } => {
    const own: string[] = [];
    const any = (): string => oneOf([...scope, ...own, ...own]);
    const results = (inside: { own: string[] }, count: number, more: readonly string[] = []): string[] => Array.from({ length: count }, () => oneOf([...inside.own, ...inside.own, ...more, ...more, ...scope]));
    const returned = (list: readonly string[]): string => `return ${list.map((r) => `${r} as "${fresh().slice(1)}"`).join(", ")}`;
    const statement = (): string => {
      const v = fresh();
      const kind = random.below(depth > 0 ? 11 : 7);
      if (kind < 2) return `${v} = ${oneOf(["Sin", "Neg", "Abs", "Tanh"])}(${any()})`;
      if (kind < 4) return `${v} = ${oneOf(["Add", "Sub", "Max"])}(${any()}, ${any()})`;
      if (kind < 6) return `${v}s = constant int64[2] [3, 2] ${v}r = Reshape(${any()}, ${v}s) ${kind === 4 ? `${v}t = Sin(${v}r)` : `${v}t = Identity(${v}r)`} ${v}f = constant int64[1] [6] ${v} = Reshape(${v}t, ${v}f)`;
      if (kind === 6) return `${v}c = Concat(${any()}, ${any()}) {axis = 0} ${v}, ${v}z = Split(${v}c) {axis = 0, num_outputs = 2}`;
      if (kind < 9) {
        const branch = (): string => {
          const inside = block([...scope, ...own], depth - 1, 1 + random.below(3));
          return `{ ${inside.text} ${returned(results(inside, 2, own))} }`;
        };
        return `${v}s = ReduceSum(${any()}) {keepdims = 0} ${v}c = Greater(${v}s, %zero) ${v}, ${v}w = If(${v}c) then_branch () ${branch()} else_branch () ${branch()}`;
      }
      const states = Array.from({ length: 1 + random.below(3) }, fresh);
      const rows = random.below(2) === 1;
      const early = !rows && random.below(2) === 1;
      const first = states.map(() => any());
      const inside = block([...scope, ...own, ...states], depth - 1, 1 + random.below(4));
      const next = results(inside, states.length + (rows ? 1 : 0), states);
      const outputs = [v, ...states.slice(1).map((_, i) => `${v}o${i}`), ...(rows ? [`${v}rows`] : [])];
      return (
        `${v}n = constant int64[] [${random.below(4) + (rows ? 1 : 0)}] ${outputs.join(", ")} = Loop(${!rows && random.below(2) === 1 ? "%n" : `${v}n`}, _, ${first.join(", ")}) ` +
        `body (${v}i: int64[], ${v}g: bool[], ${states.map((s) => `${s}: float32[6]`).join(", ")}) { ${inside.text} ${early ? `${v}e = ReduceSum(${next[0]}) {keepdims = 0} ${v}m = Less(${v}e, %zero)` : ""} return ${v}${early ? "m" : "g"} as "${fresh().slice(1)}", ${returned(next).slice(7)} }` +
        (rows ? ` ${v}a = constant int64[1] [0] ${v}top = ReduceMax(${v}rows, ${v}a) {keepdims = 0}` : "")
      );
    };
    let text = "";
    for (let i = 0; i < size; i++) {
      const made = statement();
      text += `${made} `;
      own.push(/^%v\d+/.exec(made)![0]);
    }
    return { text, own };
  };
  const { text, own } = block(["%x", "%y"], 3, 5);
  const outputs = own.slice(-3);
  return `graph @main(%x: float32[6], %y: float32[6], %n: int64[]) -> (${outputs.map((o) => `${o}: float32[6]`).join(", ")}) { %zero = constant float32[] [0] ${text} return ${outputs.join(", ")} }`;
}

test("random loops and branches give what the reference evaluation gives", { timeout: 300_000 }, async () => {
  const random = new Random(3);
  for (let turn = 0; turn < Number(process.env["GRAPHWRIGHT_CONTROL_GRAPHS"] ?? 8); turn++) {
    const text = randomGraph(random);
    const graph = parseGraph(text, { rules: typeRules });
    const built = turn % 2 === 0 ? graph : (await chooseKernels(graph, silentTask, [], { unrolledOperators: 4, bothBranches: 3 })).head.graph;
    const code = await generateWasm(built, "m", { modelName: "m", relaxed: [false] }, silentTask);
    const { bytes, functions, setInputs } = await loadWasm(code, code.modules[0]!, 0x7f);
    for (const n of [0, 1, 3]) {
      const inputs = [fromNumbers("float32", [6], [1, -2, 0.5, 3, -0.25, n]), fromNumbers("float32", [6], [0.1, 0.2, -1, 2, n - 2, -3]), fromNumbers("int64", [], [n])];
      const expected = evaluateGraph(graph, new Map(graph.root.parameters.map((id, i) => [id, inputs[i]!]))) as Tensor[];
      setInputs(inputs.map(tensorBytes));
      functions["run"]!();
      for (const [i, o] of code.model.outputs.entries()) {
        const actual = toNumbers(tensorFromBytes(o.element, o.dims, bytes.slice(o.address, o.address + o.bytes)));
        for (const [k, want] of [...toNumbers(expected[i]!)].entries()) expect(Math.abs(actual[k]! - want), `${text}\nn = ${n}, ${o.name}[${k}] is ${actual[k]}, not ${want}`).toBeLessThan(1e-3 * (1 + Math.abs(want)));
      }
    }
  }
});
