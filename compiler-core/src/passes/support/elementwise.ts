import type { OperatorNode } from "../../ir/graph.ts";

/** One operand, element by element; further inputs (bounds of Clip) are single numbers. The element type may change. */
export const unaryOps: ReadonlySet<string> = new Set([
  "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish",
  "Identity", "IsInf", "IsNaN", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Swish",
  "Tan", "Tanh", "ThresholdedRelu",
]);

/** Several operands that broadcast, element by element. */
export const broadcastingOps: ReadonlySet<string> = new Set([
  "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "PRelu", "Sub",
  "Sum", "Where", "Xor",
]);

export const isElementwise = (node: OperatorNode | undefined): node is OperatorNode => node !== undefined && node.domain === "" && (unaryOps.has(node.op) || broadcastingOps.has(node.op));
