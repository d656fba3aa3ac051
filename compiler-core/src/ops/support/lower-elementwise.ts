import type { ElementType } from "../../ir/element-type.ts";
import { elementKind, elementTypes, isFloat, isInteger } from "../../ir/element-type.ts";
import { elementAt, toNumbers } from "../../ir/tensor.ts";
import { forEach, nest, step, store, when } from "../../tensor/build.ts";
import { add, and, binary, cast, div, eq, load, lt, max, min, mul, number, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { BinaryOp, Expression, UnaryOp } from "../../tensor/program.ts";
import { broadcastIndices, forAll, inputOf, notLowered, onlyOutputs, outputOf, spatialAxes } from "./lower-common.ts";
import { scalar } from "./lower-search.ts";

/** The function of one element: operands are the broadcast inputs (null where omitted). */
export type ElementFunction = (operands: readonly Expression[], context: LoweringContext, element: ElementType) => Expression;

/** One loop nest over the output; each input is broadcast to it. `element` is the output's element type. */
export function elementwiseLowering(compute: ElementFunction, only?: { readonly inputs: number }): Lowering {
  return {
    build(context) {
      onlyOutputs(context, 1);
      const y = outputOf(context);
      const inputs = context.inputs.slice(0, only?.inputs).map((_, i) => inputOf(context, i));
      const name = context.node.op.toLowerCase();
      return nest(name, spatialAxes(y.dims), (axes) =>
        store(y, axes, compute(inputs.map((b) => load(b, broadcastIndices(b.dims, axes))), context, y.element)),
      );
    },
  };
}

/** A function of real numbers, which integers are brought to and its value is cut to an integer from. */
export const inFloats = (op: UnaryOp, x: Expression, type: ElementType): Expression => (isFloat(type) ? unary(op, x) : cast(type, unary(op, cast("float64", x))));

export const unaryLowering = (op: UnaryOp): Lowering => elementwiseLowering(([x]) => unary(op, x!));
export const binaryLowering = (op: BinaryOp): Lowering => elementwiseLowering(([a, b]) => binary(op, a!, b!));
/** Any number of operands, combined from the left: Sum, Min, Max. */
export const foldLowering = (op: BinaryOp): Lowering => elementwiseLowering((operands) => operands.reduce((a, b) => binary(op, a, b)));
export const meanLowering: Lowering = elementwiseLowering((operands, _, type) => div(operands.reduce(add), number(type, operands.length)));

const clamp = (x: Expression, low: Expression, high: Expression): Expression => min(max(x, low), high);
const scalars = (context: LoweringContext, type: ElementType) => ({
  constant: (value: number) => number(type, value),
  attribute: (name: string, fallback?: number) => number(type, context.attributes.float(name, fallback)),
});

/** log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|)). */
const softplus = (x: Expression, type: ElementType): Expression =>
  add(max(x, number(type, 0)), unary("log", add(number(type, 1), unary("exp", unary("neg", unary("abs", x))))));

/** Element functions of the activations and their kin. */
export const activations = {
  relu: ([x], _, type) => max(x!, number(type, 0)),
  sigmoid: ([x], _, type) => div(number(type, 1), add(number(type, 1), unary("exp", unary("neg", x!)))),
  leakyRelu: ([x], context, type) => select(binary("lt", x!, number(type, 0)), mul(x!, scalars(context, type).attribute("alpha", 0.01)), x!),
  elu: ([x], context, type) =>
    select(binary("lt", x!, number(type, 0)), mul(scalars(context, type).attribute("alpha", 1), sub(unary("exp", x!), number(type, 1))), x!),
  selu: ([x], context, type) => {
    const { attribute, constant } = scalars(context, type);
    const negative = mul(attribute("alpha", 1.6732632423543772), sub(unary("exp", x!), constant(1)));
    return mul(attribute("gamma", 1.0507009873554805), select(binary("gt", x!, constant(0)), x!, negative));
  },
  celu: ([x], context, type) => {
    const { attribute, constant } = scalars(context, type);
    const alpha = attribute("alpha", 1);
    return add(max(x!, constant(0)), min(constant(0), mul(alpha, sub(unary("exp", div(x!, alpha)), constant(1)))));
  },
  thresholdedRelu: ([x], context, type) => select(binary("gt", x!, scalars(context, type).attribute("alpha", 1)), x!, number(type, 0)),
  softplus: ([x], _, type) => softplus(x!, type),
  softsign: ([x], _, type) => div(x!, add(number(type, 1), unary("abs", x!))),
  hardSigmoid: ([x], context, type) => {
    const { attribute, constant } = scalars(context, type);
    return clamp(add(mul(attribute("alpha", 0.2), x!), attribute("beta", 0.5)), constant(0), constant(1));
  },
  hardSwish: ([x], _, type) => mul(x!, clamp(add(mul(number(type, 1 / 6), x!), number(type, 0.5)), number(type, 0), number(type, 1))),
  mish: ([x], _, type) => mul(x!, unary("tanh", softplus(x!, type))),
  swish: ([x], context, type) => {
    const { attribute, constant } = scalars(context, type);
    return div(x!, add(constant(1), unary("exp", unary("neg", mul(attribute("alpha", 1), x!)))));
  },
  prelu: ([x, slope], _, type) => select(binary("lt", x!, number(type, 0)), mul(x!, slope!), x!),
  gelu: ([x], context, type) => {
    const c = scalars(context, type).constant;
    if (context.attributes.string("approximate", "none") === "tanh") {
      const cubic = add(x!, mul(c(0.044715), mul(x!, mul(x!, x!))));
      return mul(mul(c(0.5), x!), add(c(1), unary("tanh", mul(c(Math.sqrt(2 / Math.PI)), cubic))));
    }
    return mul(mul(c(0.5), x!), add(c(1), unary("erf", mul(x!, c(Math.SQRT1_2)))));
  },
  reciprocal: ([x], _, type) => div(number(type, 1), x!),
  // Compilers warn of a comparison that is always false.
  sign: ([x], _, type) => select(binary("gt", x!, number(type, 0)), number(type, 1), elementKind(type) === "uint" ? x! : select(binary("lt", x!, number(type, 0)), number(type, -1), x!)),
  identity: ([x]) => x!,
  cast: ([x], _, type) => cast(type, x!),
  where: ([condition, a, b]) => select(condition!, a!, b!),
  pow: ([x, y], _, type) => {
    // The squares and roots that models write as Pow cost a multiplication.
    if (y!.kind === "number" && isFloat(type)) {
      if (y!.value === 2) return mul(x!, x!);
      if (y!.value === 0.5) return unary("sqrt", x!);
    }
    const wide = isFloat(type) ? type : "float64";
    return cast(type, binary("pow", cast(wide, x!), cast(wide, y!)));
  },
  mod: ([x, y], context) => binary(context.attributes.int("fmod", 0) === 1 ? "fmod" : "floormod", x!, y!),
} satisfies Record<string, ElementFunction>;

/** Products of integers, which wrap: as floats they would lose digits beyond 2^53. */
const integerPowLowering: Lowering = {
  build(context) {
    const [x, e, y] = [inputOf(context, 0), inputOf(context, 1), outputOf(context)];
    const type = y.element;
    const known = context.constant(1);
    const only = known?.data.length === 1 ? Number(elementAt(known, 0)) : undefined;
    // Squares and cubes are what models have.
    if (only !== undefined && only >= 1 && only <= 4)
      return elementwiseLowering(([base]) => Array.from({ length: only - 1 }).reduce<Expression>((product) => mul(product, base!), base!)).build(context);
    const one = number(type, 1);
    return forAll(
      y.dims,
      (v) => {
        const [power, square, rest] = [scalar("power", type), scalar("square", type), scalar("rest", e.element)];
        const bits = elementTypes[e.element].bits - (elementKind(e.element) === "int" ? 1 : 0);
        const base = load(x, broadcastIndices(x.dims, v));
        const exponent = load(e, broadcastIndices(e.dims, v));
        const isOdd = (n: Expression): Expression => binary("ne", binary("bitand", n, number(e.element, 1)), number(e.element, 0));
        const inverse = select(eq(base, one), one, select(eq(base, number(type, -1)), select(isOdd(exponent), number(type, -1), one), number(type, 0)));
        return [
          ...[power, square, rest].map((s) => s.allocate),
          power.set(one),
          square.set(base),
          rest.set(exponent),
          forEach("bit", bits, () => [when(isOdd(rest.get), [power.set(mul(power.get, square.get))]), square.set(mul(square.get, square.get)), rest.set(binary("shr", rest.get, number(e.element, 1)))]),
          step("pow", y, v, elementKind(e.element) === "int" ? select(lt(exponent, number(e.element, 0)), inverse, power.get) : power.get),
        ];
      },
      y.dims.map((_, d) => `i${d}`),
    );
  },
};

/** Pow with a constant exponent knows its value. */
const floatPowLowering: Lowering = elementwiseLowering((operands, context, type) => {
  const exponent = context.constant(1);
  const y = exponent && exponent.data.length === 1 ? number(type, toNumbers(exponent)[0]!) : operands[1]!;
  return activations.pow([operands[0]!, y], context, type);
});

export const powLowering: Lowering = {
  build: (context) => {
    onlyOutputs(context, 1);
    return (isInteger(inputOf(context, 0).element) && isInteger(inputOf(context, 1).element) ? integerPowLowering : floatPowLowering).build(context);
  },
};

/** Without saturation, what rounds beyond the largest value of these formats is not a number: from this magnitude on, itself included or not. */
const notANumberFrom: Partial<Record<ElementType, readonly [from: number, included: boolean]>> = { float8e4m3fn: [464, false], float8e4m3fnuz: [248, true], float8e5m2fnuz: [61440, true] };

/** Cast and CastLike: small floats saturate, as is the default. */
export const castLowering: Lowering = {
  build(context) {
    const element = context.outputType(0).element ?? "float32";
    const limit = notANumberFrom[element];
    if (element.startsWith("float8") && context.attributes.int("saturate", 1) === 0) {
      if (!limit) throw notLowered(context, `it converts to ${element} without saturation`);
      const [from, included] = limit;
      return elementwiseLowering(([x], _, type) => {
        const value = cast("float32", x!);
        const size = unary("abs", value);
        return cast(type, select(binary(included ? "ge" : "gt", size, number("float32", from)), number("float32", NaN), value));
      }, { inputs: 1 }).build(context);
    }
    if (element === "float8e8m0") throw notLowered(context, "it converts to float8e8m0, whose rounding generated code does not have");
    return elementwiseLowering(([x], _, type) => cast(elementKind(element) === "float" ? type : element, x!), { inputs: 1 }).build(context);
  },
};

export const bitwiseLowering = (op: "bitand" | "bitor" | "bitxor"): Lowering => binaryLowering(op);
export const bitShiftLowering: Lowering = elementwiseLowering(([a, b], context, type) => {
  if (context.attributes.string("direction", "LEFT") === "LEFT") return binary("shl", a!, b!);
  if (elementKind(type) === "uint") return binary("shr", a!, b!);
  // The sign is repeated, also by a shift of all bits and more.
  const within = and(binary("ge", b!, number(type, 0)), lt(b!, number(type, elementTypes[type].bits)));
  return select(within, binary("shr", a!, b!), select(lt(a!, number(type, 0)), number(type, -1), number(type, 0)));
});
export const shrinkLowering: Lowering = elementwiseLowering(([x], context, type) => {
  // The attributes need not be whole where the elements are.
  const wide = isFloat(type) ? type : "float64";
  const lambd = context.attributes.float("lambd", 0.5);
  const bias = number(wide, context.attributes.float("bias", 0));
  const real = cast(wide, x!);
  return select(binary("lt", real, number(wide, -lambd)), cast(type, add(real, bias)), select(binary("gt", real, number(wide, lambd)), cast(type, sub(real, bias)), number(type, 0)));
});

/** Clip: bounds are optional scalar inputs. */
export const clipLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    return nest("clip", spatialAxes(y.dims), (axes) => {
      let value = load(x, axes);
      const bound = (i: number): Expression | undefined => {
        const b = context.inputs[i];
        const known = b ? context.constant(i) : undefined;
        return !b ? undefined : known && isFloat(y.element) ? number(y.element, toNumbers(known)[0]!) : load(b, b.dims.map(() => 0));
      };
      const [low, high] = [bound(1), bound(2)];
      if (low) value = max(value, low);
      if (high) value = min(value, high);
      return store(y, axes, value);
    });
  },
};

/** IsInf: either sign can be left out. */
export const isInfLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const positive = context.attributes.int("detect_positive", 1) !== 0;
    const negative = context.attributes.int("detect_negative", 1) !== 0;
    return nest("isinf", spatialAxes(y.dims), (v) => {
      const value = load(x, v);
      const infinite = unary("isinf", value);
      if (positive && negative) return store(y, v, infinite);
      if (!positive && !negative) return store(y, v, number("bool", 0));
      return store(y, v, and(infinite, binary(positive ? "gt" : "lt", value, number(x.element, 0))));
    });
  },
};
