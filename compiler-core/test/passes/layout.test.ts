/** Transposes sunk and cancelled over random graphs of operators that work in any layout. */
import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { verifyGraph } from "../../src/ir/verifier.ts";
import { typeRules } from "../../src/ops/index.ts";
import { checkModels } from "../../src/passes/check.ts";
import { applyRepeatedly } from "../../src/passes/driver/driver.ts";
import { findRewrite } from "../../src/passes/index.ts";
import { Random } from "../../src/support/random.ts";

interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

const turnedDims = (dims: readonly number[], perm: readonly number[]): number[] => perm.map((axis) => dims[axis]!);

/** Images that are turned there and back, with everything between that has an axis, a constant or a range. */
function randomGraph(random: Random): string {
  const lines: string[] = [];
  let count = 0;
  const fresh = (): string => `v${++count}`;
  const [c, h, w] = random.pick([[2, 3, 4], [3, 3, 3], [1, 4, 2], [4, 1, 3]] as const);
  const perms = random.below(3) === 0 ? [[0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2], [3, 2, 1, 0]] : [[0, 2, 3, 1], [0, 3, 1, 2]];
  const values: Value[] = [{ name: "x", dims: [2, c, h, w] }, { name: "z", dims: [2, h, w, c] }];
  const int64 = (numbers: readonly number[]): string => {
    const name = fresh();
    lines.push(`%${name} = constant int64[${numbers.length}] [${numbers.join(", ")}]`);
    return `%${name}`;
  };
  const floats = (dims: readonly number[]): string => {
    const name = fresh();
    lines.push(`%${name} = constant float32[${dims.join(", ")}] uniform(${random.below(9)}, 0.5, 1.5)`);
    return `%${name}`;
  };
  const put = (text: string, dims: readonly number[]): void => {
    const name = fresh();
    lines.push(`%${name} = ${text}`);
    values.push({ name, dims });
  };
  const axisOf = (rank: number): [number, number] => {
    const axis = random.below(rank);
    return [axis, random.below(2) ? axis : axis - rank];
  };
  const steps = 5 + random.below(9);
  for (let i = 0; i < steps; i++) {
    const { name, dims } = random.below(4) === 0 ? random.pick(values) : values.at(-1)!;
    const from = `%${name}`;
    const rank = dims.length;
    const [axis, said] = axisOf(rank);
    switch (random.below(14)) {
      case 0:
      case 1:
      case 2: {
        const perm = rank === 4 ? random.pick(perms) : Array.from({ length: rank }, (_, k) => (k + 1) % rank);
        put(`Transpose(${from}) {perm = [${perm.join(", ")}]}`, turnedDims(dims, perm));
        break;
      }
      case 3:
        put(`${random.pick(["Relu", "Sigmoid", "Neg", "Identity"])}(${from})`, dims);
        break;
      case 4: {
        const other = dims.slice(random.below(rank + 1)).map((d) => (random.below(2) ? d : 1));
        const constant = floats(other);
        put(random.below(2) ? `Sub(${constant}, ${from})` : `${random.pick(["Add", "Mul", "Div"])}(${from}, ${constant})`, dims);
        break;
      }
      case 5: {
        const same = values.filter((v) => v.dims.join() === dims.join());
        put(`Add(${from}, %${random.pick(same).name})`, dims);
        break;
      }
      case 6: {
        const others = values.filter((v) => v.dims.length === rank && v.dims.every((d, k) => k === axis || d === dims[k]));
        const other = random.pick(others);
        put(`Concat(${from}, %${other.name}) {axis = ${said}}`, dims.map((d, k) => (k === axis ? d + other.dims[k]! : d)));
        break;
      }
      case 7: {
        const keep = random.below(2);
        const op = random.pick(["ReduceMax", "ReduceMean", "ReduceSum"]);
        put(`${op}(${from}, ${int64([said])}) {keepdims = ${keep}}`, keep ? dims.map((d, k) => (k === axis ? 1 : d)) : dims.filter((_, k) => k !== axis));
        if (values.at(-1)!.dims.length < 2) values.pop();
        break;
      }
      case 8:
        put(`Softmax(${from}) {axis = ${said}}`, dims);
        break;
      case 9: {
        const pads = Array.from({ length: 2 * rank }, () => random.below(2));
        put(`Pad(${from}, ${int64(pads)})`, dims.map((d, k) => d + pads[k]! + pads[rank + k]!));
        break;
      }
      case 10:
        if (dims[axis]! > 1) put(`Slice(${from}, ${int64([1])}, ${int64([99])}, ${int64([said])})`, dims.map((d, k) => (k === axis ? d - 1 : d)));
        break;
      case 11:
        if (rank < 5) put(`Unsqueeze(${from}, ${int64([said])})`, [...dims.slice(0, said < 0 ? rank + 1 + said : said), 1, ...dims.slice(said < 0 ? rank + 1 + said : said)]);
        break;
      case 12: {
        const ones = dims.flatMap((d, k) => (d === 1 ? [k] : []));
        if (ones.length > 0 && rank > 2) put(`Squeeze(${from}, ${int64([ones[0]!])})`, dims.filter((_, k) => k !== ones[0]));
        break;
      }
      default: {
        const a = fresh();
        const b = fresh();
        if (dims[axis]! % 2 === 0) {
          lines.push(`%${a}, %${b} = Split(${from}) {axis = ${said}, num_outputs = 2}`);
          const half = dims.map((d, k) => (k === axis ? d / 2 : d));
          values.push({ name: a, dims: half }, { name: b, dims: half });
        }
      }
    }
  }
  const outputs = [...new Set([values.at(-1)!.name, random.pick(values.slice(2).length > 0 ? values.slice(2) : values).name])].filter((name) => name !== "x" && name !== "z");
  if (outputs.length === 0) return randomGraph(random);
  return `graph @main(%x: float32[2, ${c}, ${h}, ${w}], %z: float32[2, ${h}, ${w}, ${c}]) -> (${outputs.map((o) => `%${o}`).join(", ")}) {\n  ${lines.join("\n  ")}\n  return ${outputs.map((o) => `%${o}`).join(", ")}\n}`;
}

const transposes = (graph: Graph): number => [...graph].filter((node) => node.kind === "operator" && node.op === "Transpose").length;
const layout = ["transpose-of-transpose", "sink-transposes", "sink-transposes-through-sums", "eliminate-no-op-shape"].map(findRewrite);

/** More in a long run: GRAPHWRIGHT_GRAPHS=5000. */
const graphs = Number(process.env["GRAPHWRIGHT_GRAPHS"] ?? 120);

describe("random layouts", () => {
  let sunk = 0;

  test.each(Array.from({ length: graphs }, (_, seed) => seed + 1))("seed %i keeps its outputs, and every step has fewer transposes", async (seed) => {
    const text = randomGraph(new Random(seed));
    const before = parseGraph(text, { rules: typeRules });
    let graph = before;
    for (const { graph: after, delta } of applyRepeatedly(before, layout)) {
      if (delta.rewrite.startsWith("sink-transposes")) {
        sunk++;
        expect(transposes(after)).toBeLessThan(transposes(graph));
      }
      expect(verifyGraph(after)).toEqual([]);
      graph = after;
    }
    const report = await checkModels(before, graph, { seed });
    expect(report.verdict, `${report.note}\n${text}\n${printGraph(graph)}`).toMatch(/^(identical|rounding)$/);
    expect(report.runs).toBe(3);
  });

  test("together they sink many", () => expect(sunk).toBeGreaterThan(graphs / 4));
});
