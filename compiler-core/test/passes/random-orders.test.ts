import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { verifyGraph } from "../../src/ir/verifier.ts";
import { typeRules } from "../../src/ops/index.ts";
import { checkModels } from "../../src/passes/check.ts";
import { applyAt, findMatches } from "../../src/passes/driver/driver.ts";
import { rewrites as all } from "../../src/passes/index.ts";
import { Random } from "../../src/support/random.ts";

const rewrites = all.filter((rewrite) => rewrite.exactness !== "approximates");

/**
 * A random graph of image-like values [2, C, H, W], square where it can be, with constants on every axis, shared
 * constants, values used twice and several outputs: the neighbourhoods in which folding goes wrong.
 */
function randomGraph(random: Random): string {
  const lines: string[] = [];
  const size = random.pick([3, 4]);
  const channels = random.pick([size, 2]);
  const values = ["x"];
  const image = `float32[2, ${channels}, ${size}, ${size}]`;
  let count = 0;
  const fresh = (prefix: string): string => `${prefix}${++count}`;
  const constant = (dims: number[], text = `uniform(${random.below(4)}, ${random.pick(["-2, 2", "0.5, 1.5"])})`): string => {
    const name = fresh("k");
    lines.push(`%${name} = constant float32[${dims.join(", ")}] ${text}`);
    return `%${name}`;
  };
  const operand = (): string => constant(random.pick([[], [1], [size], [channels, 1, 1], [1, channels, 1, 1], [size, 1]]), random.pick([undefined, undefined, "splat(0)", "splat(1)", "splat(2)"]));
  /** An operand that folding makes of two constants. */
  const computedOperand = (): string => {
    const name = fresh("k");
    const [a, b] = [operand(), constant([])];
    lines.push(`%${name} = Mul(${a}, ${b})`);
    return `%${name}`;
  };
  const steps = 4 + random.below(8);
  for (let i = 0; i < steps; i++) {
    // Mostly the newest value, so that chains grow.
    const from = `%${random.below(4) === 0 ? random.pick(values) : values.at(-1)}`;
    const to = fresh("v");
    const emit = (text: string): void => void lines.push(`%${to} = ${text}`);
    switch (random.below(11)) {
      case 0:
      case 1: {
        const groups = random.pick([1, channels]);
        const bias = random.below(2) ? `, ${constant([channels])}` : "";
        const kernel = random.pick([1, 3]);
        emit(`Conv(${from}, ${constant([channels, channels / groups, kernel, kernel])}${bias}) {group = ${groups}, pads = [${Array(4).fill((kernel - 1) / 2).join(", ")}]}`);
        break;
      }
      case 2:
      case 3:
        emit(`BatchNormalization(${from}, ${constant([channels])}, ${constant([channels])}, ${constant([channels])}, ${constant([channels], `uniform(${random.below(9)}, 0.5, 1.5)`)})`);
        break;
      case 4:
      case 5: {
        const op = random.pick(["Mul", "Add", "Sub", "Div"]);
        const other = random.below(4) === 0 && op !== "Div" ? computedOperand() : op === "Div" ? constant(random.pick([[], [channels, 1, 1], [size]]), `uniform(${random.below(9)}, 0.5, 1.5)`) : operand();
        emit(random.below(3) === 0 && op !== "Div" ? `${op}(${other}, ${from})` : `${op}(${from}, ${other})`);
        break;
      }
      case 6:
        emit(`${random.pick(["Relu", "Sigmoid", "Identity", "Dropout", "Neg"])}(${from})`);
        break;
      case 7:
        emit(`Add(${from}, %${random.pick(values)})`);
        break;
      case 8: {
        const pads = constant([0]);
        lines.pop();
        lines.push(`${pads} = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1]`);
        const padded = fresh("p");
        lines.push(`%${padded} = Pad(${from}, ${pads})`);
        emit(`${random.pick(["MaxPool", "AveragePool"])}(%${padded}) {kernel_shape = [3, 3]}`);
        break;
      }
      case 9: {
        const turned = fresh("t");
        lines.push(`%${turned} = Transpose(${from}) {perm = [0, 1, 3, 2]}`);
        emit(`Transpose(%${turned}) {perm = [0, 1, 3, 2]}`);
        break;
      }
      default: {
        const flat = constant([0]);
        lines.pop();
        lines.push(`${flat} = constant int64[2] [2, -1]`);
        const shape = constant([0]);
        lines.pop();
        lines.push(`${shape} = constant int64[4] [2, ${channels}, ${size}, ${size}]`);
        const low = fresh("f");
        lines.push(`%${low} = Reshape(${from}, ${flat})`);
        emit(`Reshape(%${low}, ${shape})`);
      }
    }
    values.push(to);
  }
  const outputs = [...new Set([values.at(-1)!, ...(random.below(2) ? [random.pick(values.slice(1))] : [])])];
  return `graph @main(%x: ${image}) -> (${outputs.map((o) => `%${o}`).join(", ")}) {\n  ${lines.join("\n  ")}\n  return ${outputs.map((o) => `%${o}`).join(", ")}\n}`;
}

/** Applies random rewrites at random places until none is left or the limit is reached. */
function shuffle(graph: Graph, random: Random): { graph: Graph; applied: string[] } {
  const applied: string[] = [];
  for (let i = 0; i < 60; i++) {
    const sites = rewrites.flatMap((rewrite) => findMatches(graph, rewrite).map((match) => ({ rewrite, root: match.root })));
    if (sites.length === 0) break;
    const { rewrite, root } = random.pick(sites);
    graph = applyAt(graph, rewrite, root).graph;
    applied.push(rewrite.name);
    expect(verifyGraph(graph), rewrite.name).toEqual([]);
  }
  return { graph, applied };
}

/** More in a long run: GRAPHWRIGHT_GRAPHS=5000. */
const graphs = Number(process.env["GRAPHWRIGHT_GRAPHS"] ?? 100);

describe("random graphs under random orders of rewrites", () => {
  const seen = new Set<string>();

  test.each(Array.from({ length: graphs }, (_, seed) => seed + 1))("seed %i keeps its outputs", async (seed) => {
    const random = new Random(seed);
    const text = randomGraph(random);
    const before = parseGraph(text, { rules: typeRules });
    const { graph, applied } = shuffle(before, random);
    for (const name of applied) seen.add(name);
    const report = await checkModels(before, graph, { seed });
    expect(report.verdict, `${report.note}\n${text}\n${applied.join(", ")}\n${printGraph(graph)}`).toMatch(/^(identical|rounding)$/);
    expect(report.runs).toBe(3);
  });

  test("together they reach the rewrites that matter", () => {
    for (const name of ["batch-norm-into-conv", "affine-into-conv", "affine-chain-merging", "constant-folding", "common-subexpression-elimination", "duplicate-constant-merging", "epilogue-fusion", "multiply-before-conv", "transpose-of-transpose", "reshape-of-reshape", "no-op-arithmetic", "eliminate-identity"])
      expect(seen, name).toContain(name);
  });
});
