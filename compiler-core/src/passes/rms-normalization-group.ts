import { recognizeRms, rmsBody, rmsPreconditions } from "./rms-normalization-fusion.ts";
import { operatorGroup } from "./support/operator-fusion.ts";

const set23 = `model {opset = {"" = 23}}\n${rmsBody()}`;

export const rmsNormalizationGroup = operatorGroup({
  name: "rms-normalization-group",
  title: "RMS normalization as a group",
  summary: "Keeps x / sqrt(mean(x^2) + epsilon) and its scale together in a fused group where RMSNormalization cannot be written.",
  why: "The group is computed in two passes over the activation. An export to ONNX writes its operators.",
  roots: ["Div", "Mul"],
  preconditions: rmsPreconditions,
  recognize: recognizeRms,
  examples: [
    {
      title: "In a model of operator set 21",
      before: rmsBody(),
      after: `graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %two = constant float32[] [2]
  %eps = constant float32[] [0.000001]
  %g = constant float32[4] [1, 2, 3, 4]
  %y = graphwright.Fused(%x, %two, %eps, %g) {kind = "RMSNormalization"} "norm" body (%X: float32[N, 4, 4], %Y: float32[], %B: float32[], %A: float32[4]) {
    %axes = constant int64[1] [-1]
    %q = Pow(%X, %Y)
    %v = ReduceMean(%q, %axes)
    %e = Add(%v, %B)
    %s = Sqrt(%e)
    %i = Reciprocal(%s)
    %n = Mul(%X, %i)
    %y = Mul(%A, %n) "norm"
    return %y
  }
  return %y
}`,
    },
    { title: "Operator set 23 has the operator", fails: "no operator for it", before: set23, after: set23 },
  ],
});
