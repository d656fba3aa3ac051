import { operatorGroup } from "./support/operator-fusion.ts";
import { recognizeSwish, swishPreconditions } from "./swish-fusion.ts";

export const swishGroup = operatorGroup({
  name: "swish-group",
  title: "Swish as a group",
  summary: "Keeps x sigmoid(x) together in a fused group where Swish cannot be written.",
  why: "The group is computed in one pass over the activation. An export to ONNX writes the two operators.",
  roots: ["Mul"],
  preconditions: swishPreconditions,
  recognize: recognizeSwish,
  examples: [
    {
      title: "In a model of operator set 21",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%x)
  %y = Mul(%x, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = graphwright.Fused(%x) {kind = "Swish"} body (%X: float32[N, 8]) {
    %s = Sigmoid(%X)
    %y = Mul(%X, %s)
    return %y
  }
  return %y
}`,
    },
    {
      title: "Operator set 24 has the operator",
      fails: "no operator for it",
      before: `model {opset = {"" = 24}}
graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%x)
  %y = Mul(%x, %s)
  return %y
}`,
      after: `model {opset = {"" = 24}}
graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%x)
  %y = Mul(%x, %s)
  return %y
}`,
    },
  ],
});
