import { describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { wasmTarget } from "../../src/backends/wasm/index.ts";
import { fromNumbers, type Tensor } from "../../src/ir/tensor.ts";
import { convLowering, gemmLowering, matMulLowering } from "../../src/ops/support/lower-contraction.ts";
import { blockChannelsLowering, blockedConvLowering, concatChannelsLowering, packedMatMulLowering, unblockChannelsLowering } from "../../src/ops/support/lower-blocked.ts";
import { averagePoolLowering, maxPoolLowering } from "../../src/ops/support/lower-pool.ts";
import { layerNormalizationLowering, lrnLowering, softmaxLowering } from "../../src/ops/support/lower-normalization.ts";
import { padLowering } from "../../src/ops/support/lower-shape.ts";
import { strassenConvLowering, strassenMatMulLowering } from "../../src/ops/support/lower-strassen.ts";
import { lowerWinogradConv, winogradConvLowering } from "../../src/ops/support/lower-winograd.ts";
import { winogradConvolve, winogradOf, winogradStrips } from "../../src/ops/support/winograd.ts";
import { Random } from "../../src/support/random.ts";
import { inPlaceInputs } from "../../src/tensor/in-place.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { hoistScratch } from "../../src/tensor/lower-node.ts";
import type { Lowering } from "../../src/tensor/lowering.ts";
import type { TensorProgram } from "../../src/tensor/program.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import { scheduleParallel } from "../../src/tensor/parallel-rule.ts";
import { scheduleByRule } from "../../src/tensor/rules.ts";
import { avx512Target, scheduleTargets, type ScheduleTarget } from "../../src/tensor/target.ts";
import { verifyProgram } from "../../src/tensor/verifier.ts";
import { compilers, runInC, runnableTargets, sanitizingCompilers } from "./c-runner.ts";
import { type Case, inputsFor, programOf, worstDifference } from "./lowered.ts";
import { runInWasm } from "./wasm-runner.ts";

/** Random shapes for each lowering whose schedule depends on them. */
const generators: Readonly<Record<string, (r: Random) => readonly [Lowering, Case]>> = {
  Conv: (r) => {
    const group = r.pick([1, 1, 1, 2, 3]);
    const [perGroup, out] = [1 + r.below(4), group * (1 + r.below(7))];
    const kernel = [1 + r.below(3), 1 + r.below(3)];
    const strides = [1 + r.below(2), 1 + r.below(2)];
    const dilations = [1 + r.below(2), 1 + r.below(2)];
    const pads = [r.below(2), r.below(3), r.below(2), r.below(2)];
    const size = [5 + r.below(6), 5 + r.below(14)];
    const output = size.map((s, d) => Math.floor((s + pads[d]! + pads[d + 2]! - (kernel[d]! - 1) * dilations[d]! - 1) / strides[d]!) + 1);
    const batch = 1 + r.below(2);
    return [convLowering, { op: "Conv", inputs: [[batch, group * perGroup, ...size], [out, perGroup, ...kernel], r.below(2) ? [out] : null], output: [batch, out, ...output], attributes: { pads, strides, dilations, group } }];
  },
  Gemm: (r) => {
    const [m, n, k] = [1 + r.below(9), 1 + r.below(20), 1 + r.below(12)];
    const [transA, transB] = [r.below(2), r.below(2)];
    return [gemmLowering, { op: "Gemm", inputs: [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n], r.pick([null, [n], [m, 1], [m, n]])], output: [m, n], attributes: { transA, transB, alpha: r.pick([1, 0.5]), beta: r.pick([1, 2]) } }];
  },
  MatMul: (r) => {
    const [m, n, k, b] = [1 + r.below(9), 1 + r.below(20), 1 + r.below(12), 1 + r.below(3)];
    return [matMulLowering, { op: "MatMul", inputs: [r.pick([[m, k], [b, m, k], [1, m, k]]), [b, k, n]], output: [b, m, n] }];
  },
  BlockedConv: (r) => {
    const block = r.pick([4, 8, 16]);
    const [form, inner, group] = r.pick([["blocked", 1 + r.below(2), 1], ["blocked", 1, 2], ["plain", 3, 1], ["depthwise", 1, 1]] as const);
    const outer = group * (1 + r.below(4));
    const kernel = r.pick([[1, 1], [3, 3], [2, 3]]);
    const strides = [1 + r.below(2), 1 + r.below(2)];
    const dilations = [1, 1 + r.below(2)];
    const output = [1 + r.below(4), 1 + r.below(18)];
    const input = output.map((o, d) => (o - 1) * strides[d]! + (kernel[d]! - 1) * dilations[d]! + 1 + r.below(2));
    const x = form === "plain" ? [1, inner, ...input] : [1, form === "depthwise" ? outer : inner * group, ...input, block];
    const w = { blocked: [outer, inner, ...kernel, block, block], plain: [outer, inner, ...kernel, block], depthwise: [outer, ...kernel, block] }[form];
    return [blockedConvLowering, { op: "BlockedConv", inputs: [x, w, r.below(2) ? [outer, block] : null], output: [1, outer, ...output, block], attributes: { strides, dilations, group } }];
  },
  BlockedConvLanes: (r) => {
    const block = r.pick([4, 8, 16]);
    const plain = r.below(4) === 0;
    const [inputChannels, channels] = [1 + r.below(3 * block), 1 + r.below(5 * block)];
    const [inner, outer] = [Math.ceil(inputChannels / block), Math.ceil(channels / block)];
    const kernel = r.pick([[1, 1], [1, 1], [2, 3]]);
    const output = [1 + r.below(4), 1 + r.below(18)];
    const input = output.map((o, d) => o + kernel[d]! - 1);
    const x = plain ? [1, 3, ...input] : [1, inner, ...input, block];
    return [blockedConvLowering, { op: "BlockedConv", inputs: [x, plain ? [outer, 3, ...kernel, block] : [outer, inner, ...kernel, block, block], r.below(2) ? [outer, block] : null], output: [1, outer, ...output, block], attributes: { channels, ...(plain ? {} : { input_channels: inputChannels }) } }];
  },
  PackedMatMul: (r) => {
    const [m, n, k, block] = [1 + r.below(20), 1 + r.below(70), 1 + r.below(12), r.pick([8, 16])];
    return [packedMatMulLowering, { op: "PackedMatMul", inputs: [[m, k], [Math.ceil(n / block), k, block], r.pick([null, [n]])], output: [m, n] }];
  },
  StrassenMatMul: (r) => {
    // Rows of 1024 sums lie apart.
    const [rows, panels, depth, block] = r.below(6) === 0 ? [3, 1, 1024, 4] : [1 + r.below(24), 1 + r.below(3), 1 + r.below(12), r.pick([4, 8, 16])];
    const [lead, axis] = r.pick([[[], -2], [[1], -2], [[3], -2], [[2, 2], -2], [[5], -3], [[4, 3], -4], [[4, 3], -3]] as const);
    return [strassenMatMulLowering, { op: "StrassenMatMul", inputs: [[...lead, rows, 2 * depth], [7, panels, depth, block], r.pick([null, [2 * panels * block]])], output: [...lead, rows, 2 * panels * block], attributes: { axis } }];
  },
  StrassenConv: (r) => {
    const [batch, inner, outer, block] = [1 + r.below(2), 1 + r.below(2), 1 + r.below(2), r.pick([4, 8, 16])];
    const output = r.pick([[4, 6], [3, 4], [4, 3], [3, 5], [1, 1], [1, 2]]);
    const strides = [1 + r.below(2), 1 + r.below(2)];
    const input = output.map((o, d) => (o - 1) * strides[d]! + 1 + r.below(strides[d]!));
    return [strassenConvLowering, { op: "StrassenConv", inputs: [[batch, 2 * inner, ...input, block], [7, outer, inner * block, block], r.below(2) ? [2 * outer, block] : null], output: [batch, 2 * outer, ...output, block], attributes: { strides } }];
  },
  WinogradConv: (r) => {
    const [m, block, inner, outer] = [r.pick([2, 4]), r.pick([4, 8, 16]), 1 + r.below(2), 1 + r.below(3)];
    const output = [1 + r.below(6), 1 + r.below(9)];
    const input = output.map((o) => m * Math.ceil(o / m) + 2);
    return [winogradConvLowering, { op: "WinogradConv", inputs: [[1, inner, ...input, block], [(m + 2) ** 2, outer, inner, block, block], r.below(2) ? [outer, block] : null], output: [1, outer, ...output, block], attributes: { outputs: m, size: output } }];
  },
  WinogradConvStrips: (r) => {
    const [m, block, inner, outer] = [r.pick([2, 4]), r.pick([4, 8, 16]), 1 + r.below(2), 1 + r.below(2)];
    const output = [2 * m + r.below(10 * m), 1 + r.below(9)];
    const input = output.map((o) => m * Math.ceil(o / m) + 2);
    const batch = 1 + r.below(2);
    return [lowerWinogradConv({ all: 1 << 10, strip: r.pick([1, 1 << 12, 1 << 13]) }), { op: "WinogradConv", inputs: [[batch, inner, ...input, block], [(m + 2) ** 2, outer, inner, block, block], r.below(2) ? [outer, block] : null], output: [batch, outer, ...output, block], attributes: { outputs: m, size: output } }];
  },
  Pad: (r) => {
    const pads = [0, 0, r.below(3), r.below(3), 0, 0, r.below(2), r.below(2)];
    const dims = [1, 1 + r.below(2), 1 + r.below(4), 1 + r.below(9)];
    return [padLowering, { op: "Pad", inputs: [dims], output: dims.map((d, i) => d + pads[i]! + pads[i + 4]!), attributes: { pads } }];
  },
  BlockChannels: (r) => {
    const [c, h, w] = [1 + r.below(20), 1 + r.below(4), 1 + r.below(4)];
    return [blockChannelsLowering, { op: "BlockChannels", inputs: [[2, c, h, w]], output: [2, Math.ceil(c / 8), h, w, 8] }];
  },
  ConcatChannels: (r) => {
    const block = r.pick([4, 8, 16]);
    const counts = Array.from({ length: 1 + r.below(4) }, () => 1 + r.below(2 * block));
    const space = r.pick([[3], [2, 5], [4, 3]]);
    const sum = counts.reduce((a, b) => a + b, 0);
    return [concatChannelsLowering, { op: "ConcatChannels", inputs: counts.map((c) => [2, Math.ceil(c / block), ...space, block]), output: [2, Math.ceil(sum / block), ...space, block], attributes: { channels: counts } }];
  },
  UnblockChannels: (r) => {
    const [c, h, w] = [1 + r.below(20), 1 + r.below(4), 1 + r.below(4)];
    return [unblockChannelsLowering, { op: "UnblockChannels", inputs: [[2, Math.ceil(c / 8), h, w, 8]], output: [2, c, h, w] }];
  },
  MaxPool: (r) => pool(r, maxPoolLowering, "MaxPool"),
  AveragePool: (r) => pool(r, averagePoolLowering, "AveragePool"),
  Softmax: (r) => {
    const dims = [1 + r.below(4), 1 + r.below(9), 1 + r.below(5)];
    return [softmaxLowering(false), { op: "Softmax", inputs: [dims], output: dims, attributes: { axis: r.below(3) } }];
  },
  LayerNormalization: (r) => {
    const dims = [1 + r.below(4), 1 + r.below(9)];
    return [layerNormalizationLowering(false), { op: "LayerNormalization", inputs: [dims, [dims[1]!], [dims[1]!]], output: dims }];
  },
  LRN: (r) => {
    const dims = [1, 1 + r.below(8), 1 + r.below(4), 1 + r.below(9)];
    return [lrnLowering, { op: "LRN", inputs: [dims], output: dims, attributes: { size: 5, alpha: 0.01, beta: [0.5, 0.6, 0.75, 1][r.below(4)]!, bias: 1 } }];
  },
};

function pool(r: Random, lowering: Lowering, op: string): readonly [Lowering, Case] {
  const kernel = [2 + r.below(2), 2 + r.below(2)];
  const pads = [r.below(2), r.below(2), r.below(2), r.below(2)];
  const strides = [1 + r.below(2), 1 + r.below(2)];
  const size = [4 + r.below(7), 4 + r.below(15)];
  const ceil = r.below(2);
  const output = size.map((s, d) => {
    const spare = s + pads[d]! + pads[d + 2]! - kernel[d]!;
    const count = (ceil ? Math.ceil : Math.floor)(spare / strides[d]!) + 1;
    // The last window must start inside the input or its first padding.
    return (count - 1) * strides[d]! >= s + pads[d]! ? count - 1 : count;
  });
  return [lowering, { op, inputs: [[1, 1 + r.below(4), ...size]], output: [1, 0, ...output].map((d, i) => (i === 1 ? -1 : d)), attributes: { kernel_shape: kernel, pads, strides, ceil_mode: ceil, count_include_pad: r.below(2) } }];
}

describe("scheduled programs mean what the plain loop nests mean", () => {
  const cases = Object.entries(generators).flatMap(([op, generate]) => {
    const random = new Random(11);
    return Array.from({ length: /Block|Packed|Strassen|Winograd|Pad/.test(op) ? 4 : 12 }, (_, i) => {
      const [lowering, made] = generate(random);
      const spec = { ...made, output: made.output.map((d, at) => (d === -1 ? made.inputs[0]![at]! : d)) };
      const plain = programOf(lowering, spec);
      return { name: `${op} ${i}`, plain, scheduled: hoistScratch(scheduleByRule(plain).program, 512) };
    });
  });

  test.each(cases)("$name", ({ name, plain, scheduled }) => {
    expect(verifyProgram(plain)).toEqual([]);
    expect(verifyProgram(scheduled)).toEqual([]);
    const inputs = inputsFor(plain);
    // A schedule may change the order of a sum, nothing else.
    const bound = /Conv/.test(name) ? 1e-5 : 0;
    expect(worstDifference(interpret(plain, inputs)[0]!, interpret(scheduled, inputs)[0]!)).toBeLessThanOrEqual(bound);
  });

  describe("and so does their C", () => {
    needs("gcc").each(compilers.length > 0 ? compilers : ["gcc"])("%s", (compiler) => {
      for (const flags of [["-O3"], ...(sanitizingCompilers.includes(compiler) ? [["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]] : [])]) {
        const outputs = runInC(cases.map((c) => ({ program: c.scheduled, inputs: inputsFor(c.plain) })), { compiler, flags });
        for (const [i, c] of cases.entries()) {
          const [expected] = interpret(c.scheduled, inputsFor(c.plain));
          // expf, powf and the like may differ in the last bits; everything else is exact.
          const bound = /Softmax|LRN|Layer/.test(c.name) ? 2e-6 : 0;
          expect(worstDifference(outputs[i]![0]!, expected!), c.name).toBeLessThanOrEqual(bound);
        }
      }
    }, 300_000);
  });
});

/** The same nests for each instruction set this machine has: sums in another order, products and sums contracted. */
describe("programs for vectors", () => {
  for (const target of runnableTargets().filter((t) => t.vectorLanes > 1)) {
    const cases = Object.entries(generators).flatMap(([op, generate]) => {
      const random = new Random(23);
      return Array.from({ length: /Block|Packed|Strassen|Winograd/.test(op) ? 10 : 4 }, (_, i) => {
        const [lowering, made] = generate(random);
        const spec = { ...made, output: made.output.map((d, at) => (d === -1 ? made.inputs[0]![at]! : d)) };
        const plain = programOf(lowering, spec);
        return { name: `${op} ${i}`, plain, scheduled: hoistScratch(scheduleByRule(plain, target).program, 4096) };
      });
    });
    needs("gcc").each(compilers.length > 0 ? compilers : ["gcc"])(`${target.name}: verified, and their C by %s agrees with the plain nests`, (compiler) => {
      for (const c of cases) expect(verifyProgram(c.scheduled), c.name).toEqual([]);
      const outputs = runInC(cases.map((c) => ({ program: c.scheduled, inputs: inputsFor(c.plain) })), { compiler, flags: ["-O1"], target });
      for (const [i, c] of cases.entries()) {
        const expected = interpret(c.plain, inputsFor(c.plain))[0]!;
        const largest = Array.from(expected.data as ArrayLike<number>, Math.abs).reduce((a, b) => Math.max(a, b), 1);
        expect(worstDifference(interpret(c.scheduled, inputsFor(c.plain))[0]!, expected), c.name).toBeLessThanOrEqual(2e-6 * largest);
        expect(worstDifference(outputs[i]![0]!, expected), c.name).toBeLessThanOrEqual(5e-6 * largest);
      }
    }, 300_000);
  }
});

describe("channels joined in blocks", () => {
  test("follow each other without gaps, whatever lies in the lanes beyond", () => {
    const [counts, block, places] = [[24, 3, 17, 8], 16, 6];
    const blocksOf = (c: number): number => Math.ceil(c / block);
    const plain = programOf(concatChannelsLowering, { op: "ConcatChannels", inputs: counts.map((c) => [1, blocksOf(c), 2, 3, block]), output: [1, blocksOf(52), 2, 3, block], attributes: { channels: counts } });
    // Part i has 1000 i + 10 c + p at place p of its channel c, and -1 in lanes beyond its channels.
    const part = (i: number, count: number): Tensor => fromNumbers("float32", [1, blocksOf(count), 2, 3, block], Float64Array.from({ length: blocksOf(count) * places * block }, (_, e) => {
      const [c, p] = [Math.floor(e / (places * block)) * block + (e % block), Math.floor(e / block) % places];
      return c < count ? 1000 * i + 10 * c + p : -1;
    }));
    const [y] = interpret(plain, counts.map((c, i) => part(i, c)));
    const channels = counts.flatMap((count, i) => Array.from({ length: count }, (_, c) => 1000 * i + 10 * c));
    for (const [e, v] of Array.from(y!.data as Float32Array).entries()) {
      const [c, p] = [Math.floor(e / (places * block)) * block + (e % block), Math.floor(e / block) % places];
      expect(v, `element ${e}`).toBe(c < 52 ? channels[c]! + p : 0);
    }
  });
});

/** A convolution of 24 to 40 channels in blocks of 16: the last ones are half full. */
describe("blocks that are half full", () => {
  const [c, m, block, places] = [24, 40, 16, 29];
  const plain = programOf(blockedConvLowering, { op: "BlockedConv", inputs: [[1, 2, 1, places, block], [3, 2, 1, 1, block, block], [3, block]], output: [1, 3, 1, places, block], attributes: { channels: m, input_channels: c }, weights: [1, 2] });
  // What lies beyond the channels is no number, in the data and in the filters.
  const [x, w, b] = inputsFor(plain).map((t) => Float64Array.from(t.data as ArrayLike<number>)) as [Float64Array, Float64Array, Float64Array];
  const xAt = (i: number, p: number): number => (Math.floor(i / block) * places + p) * block + (i % block);
  const wAt = (o: number, i: number): number => (Math.floor(o / block) * 2 * block + i) * block + (o % block);
  for (let i = c; i < 2 * block; i++) for (let p = 0; p < places; p++) x[xAt(i, p)] = NaN;
  for (let o = 0; o < 3 * block; o++) for (let i = 0; i < 2 * block; i++) if (o >= m || i >= c) w[wAt(o, i)] = NaN;
  const inputs = [fromNumbers("float32", [1, 2, 1, places, block], x), fromNumbers("float32", [3, 2, 1, 1, block, block], w), fromNumbers("float32", [3, block], b)];
  const expected = new Float64Array(3 * places * block);
  for (let o = 0; o < m; o++)
    for (let p = 0; p < places; p++) {
      let sum = b[o]!;
      for (let i = 0; i < c; i++) sum += x[xAt(i, p)]! * w[wAt(o, i)]!;
      expected[(Math.floor(o / block) * places + p) * block + (o % block)] = sum;
    }
  const y = fromNumbers("float32", [1, 3, 1, places, block], expected);
  const bound = 5e-6 * expected.reduce((a, v) => Math.max(a, Math.abs(v)), 1);
  const targets = [undefined, wasmTarget, ...scheduleTargets];
  test("are read and computed as far as there are channels; the lanes beyond are 0", () => {
    for (const target of targets) {
      const { program } = scheduleByRule(plain, target);
      expect(verifyProgram(program), target?.name).toEqual([]);
      expect(worstDifference(interpret(program, inputs)[0]!, y), target?.name).toBeLessThanOrEqual(bound);
    }
  });
  test("an element is loaded once for all lanes of its tile; the sum goes over whole blocks, then over the lanes of the last", () => {
    const { text } = printProgram(scheduleByRule(plain, avx512Target).program);
    expect(text).toMatch(/for ic in range\(16\):\n *for ow_i in unrolled\(8\):\n *for oc in vectorized\(40\):[^]*for ic_\d+ in range\(7\):\n *for ow_i_\d+ in unrolled\(8\):\n *for oc_\d+ in vectorized\(40\):/);
    // Elsewhere lanes of whole blocks and those of the last are nests of their own.
    expect(printProgram(scheduleByRule(plain).program).text).toMatch(/for oc_o in range\(2\):[^]*for oc_i_i\w* in vectorized\(8\):[^]*for oc_\d+ in vectorized\(8\):/);
  });
  needs("gcc")("and so in the C for each instruction set, and in WebAssembly", async () => {
    for (const target of runnableTargets()) {
      const program = hoistScratch(scheduleByRule(plain, target).program, 4096);
      const [outputs] = runInC([{ program, inputs }], { compiler: "gcc", flags: ["-O1"], target });
      expect(worstDifference(outputs![0]!, y), target.name).toBeLessThanOrEqual(bound);
    }
    const [outputs] = await runInWasm([{ program: hoistScratch(scheduleByRule(plain, wasmTarget).program, 4096), inputs }]);
    expect(worstDifference(outputs![0]!, y)).toBeLessThanOrEqual(bound);
  }, 120_000);
});

/** So few channels that the end of a tile counts. */
describe("short sums", () => {
  const plain = (channels: number): TensorProgram => programOf(blockedConvLowering, { op: "BlockedConv", inputs: [[1, Math.ceil(channels / 16), 3, 10, 16], [2, Math.ceil(channels / 16), 1, 1, 16, 16], [2, 16]], output: [1, 2, 3, 10, 16], attributes: channels % 16 > 0 ? { input_channels: channels } : {}, weights: [1, 2] });
  test("store each row in their last step; longer ones after it", () => {
    const text = (channels: number): string => printProgram(scheduleByRule(plain(channels), avx512Target).program).text;
    const stored = /for \w+ in range\(1\):\n( *)for (?:oh_)?ow_i\w* in unrolled\(\d+\):\n\1  for ob\w* in unrolled\(2\):\n(?:.*\n){5}\1  for ob\w* in unrolled\(2\):\n.*\n *block conv\w*_write:/;
    for (const channels of [16, 24]) expect(text(channels)).toMatch(stored);
    for (const channels of [32, 40]) expect(text(channels)).not.toMatch(stored);
  });
  needs("gcc")("and compute the same", () => {
    const cases = [16, 19, 24, 32].map(plain);
    for (const target of runnableTargets()) {
      const programs = cases.map((c) => ({ program: hoistScratch(scheduleByRule(c, target).program, 4096), inputs: inputsFor(c) }));
      for (const { program } of programs) expect(verifyProgram(program), target.name).toEqual([]);
      const outputs = runInC(programs, { compiler: "gcc", flags: ["-O1"], target });
      for (const [i, c] of cases.entries()) {
        const expected = interpret(c, inputsFor(c))[0]!;
        const largest = Array.from(expected.data as ArrayLike<number>, Math.abs).reduce((a, b) => Math.max(a, b), 1);
        expect(worstDifference(outputs[i]![0]!, expected), `${target.name} ${i}`).toBeLessThanOrEqual(5e-6 * largest);
      }
    }
  }, 180_000);
});

/** A filter for each channel: the vectors of an image slide under the window, along both of its sides. */
describe("a window with a filter for each lane", () => {
  const plain = (stride: number, size: readonly [number, number], kernel: number): TensorProgram => programOf(blockedConvLowering, { op: "BlockedConv", inputs: [[1, 2, ...size.map((n) => (n - 1) * stride + kernel), 16], [2, kernel, kernel, 16], [2, 16]], output: [1, 2, ...size, 16], attributes: { strides: [stride, stride] }, weights: [1, 2] });
  test("has its taps inside the rows of a tile, which takes two rows of the image where these are even in number", () => {
    const text = (...args: Parameters<typeof plain>): string => printProgram(scheduleByRule(plain(...args), avx512Target).program).text;
    const taps = String.raw` *for kw in unrolled\(3\):\n *for oi in vectorized\(16\):\n *block depthwise:`;
    expect(text(1, [14, 14], 3)).toMatch(new RegExp(String.raw`for kh in unrolled\(3\):\n *for oh_i in unrolled\(2\):\n *for ow_i in unrolled\(7\):\n${taps}`));
    expect(text(2, [7, 7], 3)).toMatch(new RegExp(String.raw`for kh in unrolled\(3\):\n *for ow in unrolled\(7\):\n${taps}`));
    // The taps of a longer window: those of one of its rows are written out.
    expect(text(1, [14, 14], 5)).toMatch(/for kh in range\(5\):\n *for oh_i in unrolled\(2\):\n *for ow_i in unrolled\(7\):\n *for kw in unrolled\(5\):/);
    // A window that does not slide over what the one before saw shares nothing.
    expect(text(3, [14, 14], 3)).not.toMatch(/for ow_i in unrolled\(\d+\):\n *for kw/);
  });
  needs("gcc")("and computes the same in the C for each instruction set, and in WebAssembly", async () => {
    const cases = ([[1, [14, 14], 3], [2, [7, 7], 3], [2, [28, 9], 3], [1, [4, 17], 5], [3, [6, 8], 3]] as const).map(([stride, size, kernel]) => plain(stride, size, kernel));
    for (const target of [...runnableTargets(), wasmTarget]) {
      const programs = cases.map((c) => ({ program: hoistScratch(scheduleByRule(c, target).program, 4096), inputs: inputsFor(c) }));
      for (const { program } of programs) expect(verifyProgram(program), target.name).toEqual([]);
      const outputs = target === wasmTarget ? await runInWasm(programs) : runInC(programs, { compiler: "gcc", flags: ["-O1"], target });
      for (const [i, c] of cases.entries()) {
        const expected = interpret(c, inputsFor(c))[0]!;
        const largest = Array.from(expected.data as ArrayLike<number>, Math.abs).reduce((a, b) => Math.max(a, b), 1);
        expect(worstDifference(outputs[i]![0]!, expected), `${target.name} ${i}`).toBeLessThanOrEqual(5e-6 * largest);
      }
    }
  }, 180_000);
});

/** Minimal filtering where not all tiles stay in the second cache. */
describe("strips of rows of tiles", () => {
  const shape = { outputs: 4, height: 34, width: 21, inputs: 16, features: 8 };
  const spec: Case = { op: "WinogradConv", inputs: [[2, 2, 38, 26, 8], [36, 1, 2, 8, 8], [1, 8]], output: [2, 1, 34, 21, 8], attributes: { outputs: 4, size: [34, 21] }, weights: [1, 2] };
  const near = { all: 1 << 12, strip: 1 << 12 };
  test("are shared out in groups; what is left over, and the rows that reach beyond the output, come after them", () => {
    expect(winogradStrips(shape, near)).toEqual({ groups: 4, strips: 1, rows: 2 });
    expect(winogradStrips({ ...shape, height: 160, width: 160, inputs: 96, features: 32 })).toEqual({ groups: 4, strips: 10, rows: 1 });
    // Nothing leaves the cache; filters read again for each strip would take longer than what is won.
    expect(winogradStrips(shape)).toBeUndefined();
    expect(winogradStrips({ ...shape, height: 28, width: 28, inputs: 128, features: 128 })).toBeUndefined();
  });
  test("compute what the operator means, each strip as tiles of registers, groups on threads of their own", () => {
    const plain = programOf(lowerWinogradConv(near), spec);
    const inputs = inputsFor(plain);
    const [x, u, b] = inputs.map((t) => t.data as Float32Array) as [Float32Array, Float32Array, Float32Array];
    const expected = winogradConvolve(x, spec.inputs[0]!, u, spec.inputs[1]!, b, [34, 21], winogradOf(4)).numbers;
    const worst = (t: Tensor): number => Math.max(...Array.from(t.data as Float32Array, (v, i) => Math.abs(v - expected[i]!)));
    const largest = Math.max(...expected.map(Math.abs));
    expect(worst(interpret(plain, inputs)[0]!)).toBeLessThanOrEqual(1e-5 * largest);
    const { program } = scheduleParallel(hoistScratch(scheduleByRule(plain, avx512Target).program, 1024), 1);
    expect(verifyProgram(program)).toEqual([]);
    expect(printProgram(program).text).toMatch(/for g in parallel\(4\):\n[^]*for t in unrolled\(12\):\n *for oi in vectorized\(8\):\n *block product:/);
    expect(worst(interpret(program, inputs)[0]!)).toBeLessThanOrEqual(1e-5 * largest);
  });
});

/** A convolution whose panels of weights leave the first cache: while all rows pass over a part of its channels, the part stays there. */
describe("sums in parts", () => {
  const plain = (blocks = 2): TensorProgram => programOf(blockedConvLowering, { op: "Conv", inputs: [[1, 16, 9, 9, 16], [blocks, 16, 3, 3, 16, 16], [blocks, 16]], output: [1, blocks, 7, 7, 16], weights: [1, 2] });
  test("go on from what the part before left, with the window written out inside", () => {
    const { program } = scheduleByRule(plain(4), avx512Target);
    expect(verifyProgram(program)).toEqual([]);
    const text = printProgram(program).text;
    expect(text).toMatch(/block conv_init[^]*for ib_o in range\(\d+\):[^]*block conv_read[^]*for ii in range\(16\):\n *prefetch \d+ lines of x1 at .*\n *for kw in unrolled\(3\):[^]*block conv_write/);
    // The channels of the next part, half of each panel's lines after the other.
    expect(text).toMatch(/prefetch \d+ lines of x1 at .*\/\/ \d+/);
  });
  needs("gcc")("and so does the C for each instruction set", () => {
    const inputs = inputsFor(plain());
    const expected = interpret(plain(), inputs)[0]!;
    const largest = Array.from(expected.data as ArrayLike<number>, Math.abs).reduce((a, b) => Math.max(a, b), 1);
    for (const target of runnableTargets().filter((t) => t.vectorLanes > 1)) {
      const [outputs] = runInC([{ program: hoistScratch(scheduleByRule(plain(), target).program, 4096), inputs }], { compiler: "gcc", flags: ["-O1"], target });
      expect(worstDifference(outputs![0]!, expected), target.name).toBeLessThanOrEqual(5e-6 * largest);
    }
  }, 120_000);
});

/** Rows long enough that each lane sums what falls to it. */
describe("rows of whole vectors", () => {
  const rows: readonly [string, Lowering, Case][] = [
    ["softmax", softmaxLowering(false), { op: "Softmax", inputs: [[3, 48]], output: [3, 48] }],
    ["its logarithm", softmaxLowering(true), { op: "LogSoftmax", inputs: [[2, 64]], output: [2, 64] }],
    ["layer normalization", layerNormalizationLowering(false), { op: "LayerNormalization", inputs: [[4, 64], [64], [64]], output: [4, 64] }],
    ["layer normalization over two axes", layerNormalizationLowering(false), { op: "LayerNormalization", inputs: [[2, 3, 32], [3, 32], [3, 32]], output: [2, 3, 32], attributes: { axis: 1 } }],
    ["root mean square", layerNormalizationLowering(true), { op: "RMSNormalization", inputs: [[2, 3, 32], [32]], output: [2, 3, 32] }],
  ];
  const agree = (name: string, outputs: Tensor[], plain: TensorProgram): void => expect(worstDifference(outputs[0]!, interpret(plain, inputsFor(plain))[0]!), name).toBeLessThanOrEqual(5e-6);
  const scheduled = (target?: ScheduleTarget) =>
    rows.map(([name, lowering, spec]) => {
      const plain = programOf(lowering, spec);
      const program = hoistScratch(scheduleByRule(plain, target).program, 4096);
      expect(verifyProgram(program), name).toEqual([]);
      return { name, plain, program, inputs: inputsFor(plain) };
    });
  test("in loop nests and in WebAssembly", async () => {
    for (const c of scheduled()) agree(c.name, interpret(c.program, c.inputs), c.plain);
    const cases = scheduled(wasmTarget);
    for (const [i, outputs] of (await runInWasm(cases)).entries()) agree(cases[i]!.name, outputs, cases[i]!.plain);
  }, 180_000);
  needs("gcc")("in C for each instruction set", () => {
    for (const target of runnableTargets()) {
      const cases = scheduled(target);
      for (const [i, outputs] of runInC(cases, { compiler: "gcc", flags: ["-O1"], target }).entries()) agree(`${target.name}: ${cases[i]!.name}`, outputs, cases[i]!.plain);
    }
  }, 300_000);
});

describe("outputs in place of inputs", () => {
  test("an elementwise program may overwrite what it reads; a convolution only when its input was copied first", () => {
    const names = (lowering: Lowering, spec: Case) => inPlaceInputs(scheduleByRule(programOf(lowering, spec)).program).map(([a, b]) => `${a.name}>${b.name}`);
    const padded = { op: "Conv", inputs: [[1, 4, 6, 6], [4, 4, 3, 3]], output: [1, 4, 6, 6], attributes: { pads: [1, 1, 1, 1] } };
    const plain = { op: "Conv", inputs: [[1, 4, 6, 6], [4, 4, 1, 1]], output: [1, 4, 6, 6] };
    expect(names(convLowering, padded)).toEqual(["x0>y"]);
    expect(names(convLowering, plain)).toEqual([]);
    expect(names(softmaxLowering(false), { op: "Softmax", inputs: [[2, 3]], output: [2, 3] })).toEqual([]);
  });
});
