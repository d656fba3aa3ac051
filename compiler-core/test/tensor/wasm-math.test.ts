import { expect, test } from "vitest";
import { assemble, wasmEngine } from "../../src/backends/wasm/index.ts";
import { helperFunctions, smallFloatId, vectorMath } from "../../src/backends/wasm/instructions.ts";
import { byteSize } from "../../src/ir/element-type.ts";
import { fromNumbers, toNumbers } from "../../src/ir/tensor.ts";
import { erf } from "../../src/tensor/interpreter.ts";

const truth: Readonly<Record<string, (x: number) => number>> = { exp: Math.exp, log: Math.log, tanh: Math.tanh, erf };
/** units in the last place */
const allowed: Readonly<Record<string, number>> = { exp: 1.5, log: 1.5, tanh: 1.5, erf: 3 };

test("functions of four floats stay near the exact value over all floats, and keep infinities and not-a-number", async () => {
  const text = `(module ${helperFunctions(new Set(vectorMath.map((n) => `${n}_f32x4`))).join("\n")} ${vectorMath
    .map((n) => `(func (export "${n}") (param $x f32) (result f32) (f32x4.extract_lane 3 (call $${n}_f32x4 (f32x4.splat (local.get $x)))))`)
    .join("\n")})`;
  const { compile, instantiate } = wasmEngine();
  const { exports } = await instantiate(await compile(await assemble(text)), {});
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (const name of vectorMath) {
    let worst = 0;
    let at = 0;
    const wrong: number[] = [];
    for (let i = 0; i < 2 ** 32; i += 30011) {
      bits[0] = i;
      const x = float[0]!;
      const actual = (exports[name] as (x: number) => number)(x);
      const exact = truth[name]!(x);
      const rounded = Math.fround(exact);
      if (!Number.isFinite(rounded)) {
        if (!Object.is(actual, rounded)) wrong.push(x);
        continue;
      }
      const unit = 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(exact) || 2 ** -140))) - 23);
      if (!(Math.abs(actual - exact) / unit <= worst)) [worst, at] = [Math.abs(actual - exact) / unit, x];
    }
    expect(wrong, name).toEqual([]);
    expect(worst, `${name} at ${at}`).toBeLessThan(allowed[name]!);
  }
});

test("small floats are decoded exactly, and encoded as tensors are", async () => {
  const elements = ["float16", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float8e8m0"] as const;
  const encoded = elements.filter((e) => e !== "float8e8m0");
  const functions = [
    ...elements.map((e) => `(func (export "from_${e}") (param $h i32) (result f32) (call $from_${smallFloatId(e)} (local.get $h)))`),
    ...encoded.map((e) => `(func (export "to_${e}") (param $x f32) (result i32) (call $to_${smallFloatId(e)} (local.get $x)))`),
  ];
  const text = `(module ${helperFunctions(new Set([...elements.map((e) => `from_${smallFloatId(e)}`), ...encoded.map((e) => `to_${smallFloatId(e)}`)])).join("\n")} ${functions.join("\n")})`;
  const { compile, instantiate } = wasmEngine();
  const exports = (await instantiate(await compile(await assemble(text)), {})).exports as Record<string, (x: number) => number>;
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (const e of elements) {
    const count = byteSize(e, 1) === 1 ? 256 : 65536;
    const data = Uint16Array.from({ length: count }, (_, i) => i);
    const exact = toNumbers({ element: e, dims: [count], data: count === 256 ? Uint8Array.from(data) : data });
    const decoded = exports[`from_${e}`]!;
    expect(Array.from(data).filter((h) => !Object.is(decoded(h), exact[h])), e).toEqual([]);
    if (e === "float8e8m0") continue;
    // Every 30011th float, and each value with its neighbours and the middles between them.
    const xs: number[] = [];
    for (let i = 0; i < 2 ** 32; i += 30011) {
      bits[0] = i;
      xs.push(float[0]!);
    }
    for (const v of exact) {
      float[0] = v;
      const [at, half] = [bits[0]!, { float16: 0x1000, bfloat16: 0x8000 }[e as string] ?? (e.includes("e5m2") ? 0x100000 : 0x80000)];
      for (const d of [-half - 1, -half, -half + 1, -1, 0, 1, half - 1, half, half + 1]) {
        bits[0] = at + d;
        xs.push(float[0]!);
      }
    }
    const expected = fromNumbers(e, [xs.length], xs, e.startsWith("float8")).data as ArrayLike<number>;
    const sameNumber = (a: number, b: number): boolean => a === b || (Number.isNaN(exact[a]!) && Number.isNaN(exact[b]!));
    expect(xs.filter((x, i) => !sameNumber(exports[`to_${e}`]!(x), expected[i]!)).slice(0, 5), e).toEqual([]);
  }
});
