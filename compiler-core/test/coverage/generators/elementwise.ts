import { findOperator } from "../../../src/ops/index.ts";
import { type Draw, type Generator, is } from "../node-case.ts";

const size = (d: Draw): number[] => d.dims(0, 4, 0, 4);

const unary = (op: string): Generator => (d) => ({ op, inputs: [d.tensor(d.element(op, findOperator("", op)!.inputs[0]!.type), size(d))] });

const unaryNames = [
  "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish",
  "Identity", "IsInf", "IsNaN", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus",
  "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Clip", "Bernoulli",
] as const;

const binary = (op: string): Generator => (d) => {
  const dims = size(d);
  const element = d.element(op, findOperator("", op)!.inputs[0]!.type);
  const [a, b] = d.bool() ? [dims, d.broadcastable(dims)] : [d.broadcastable(dims), dims];
  // Divisors are not zero; exponents and shifts stay small.
  const second: [number, number] | undefined = op === "Div" || op === "Mod" ? [1, 3] : op === "Pow" || op === "BitShift" ? [0, 3] : undefined;
  const direction = op === "BitShift" ? { attributes: { direction: is.string(d.pick(["LEFT", "RIGHT"])) } } : {};
  const fmod = op === "Mod" && !/int/.test(element) ? { attributes: { fmod: is.int(1) } } : {};
  return { op, inputs: [d.tensor(element, a), d.tensor(element, b, element === "string" ? undefined : second)], ...direction, ...fmod };
};

const binaryNames = [
  "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Mod", "Mul", "Or", "Pow", "Sub", "Xor", "StringConcat",
] as const;

const variadic = (op: string): Generator => (d) => {
  const dims = size(d);
  const element = d.element(op);
  return { op, inputs: d.list(d.int(1, 3), () => d.tensor(element, d.broadcastable(dims))) };
};

export const elementwise: Readonly<Record<string, Generator>> = {
  ...Object.fromEntries(unaryNames.map((op) => [op, unary(op)])),
  ...Object.fromEntries(binaryNames.map((op) => [op, binary(op)])),
  ...Object.fromEntries(["Max", "Mean", "Min", "Sum"].map((op) => [op, variadic(op)])),
  PRelu: (d) => {
    const dims = d.dims(1, 4);
    const element = d.element("PRelu");
    return { op: "PRelu", inputs: [d.tensor(element, dims), d.tensor(element, d.broadcastable(dims))] };
  },
  Where: (d) => {
    const dims = size(d);
    const element = d.element("Where");
    return { op: "Where", inputs: [d.tensor("bool", d.broadcastable(dims)), d.tensor(element, dims), d.tensor(element, d.broadcastable(dims))] };
  },
  Dropout: (d) => ({ op: "Dropout", inputs: [d.float(size(d))], outputs: d.int(1, 2) }),
  SwiGLU: (d) => {
    const dims = size(d);
    return { op: "SwiGLU", inputs: [d.float(dims), d.float(dims)] };
  },
};
