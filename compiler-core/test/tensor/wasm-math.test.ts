import { expect, test } from "vitest";
import { assemble, wasmEngine } from "../../src/backends/wasm/index.ts";
import { helperFunctions, vectorMath } from "../../src/backends/wasm/instructions.ts";
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
