import { transposeRegion } from "./support/transpose-region.ts";

export const sinkTransposesThroughSums = transposeRegion(
  {
    name: "sink-transposes-through-sums",
    title: "Transposes sunk through sums and means",
    summary: "Brings a region to another layout as sink-transposes does, through Softmax, ReduceSum, ReduceMean and their like too.",
    why: "A mean over space or a softmax over channels need not end a region. In another layout a runtime may sum in another order, so this is not exact.",
    exactness: "reassociates",
    examples: [
      {
        title: "A mean over space, channels last",
        before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2]) {
  %axes = constant int64[2] [1, 2]
  %t = Transpose(%x) {perm = [0, 2, 3, 1]}
  %r = Relu(%t)
  %y = ReduceMean(%r, %axes) {keepdims = 0}
  return %y
}`,
        after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2]) {
  %r_turned = Relu(%x)
  %axes = constant int64[2] [2, 3]
  %y = ReduceMean(%r_turned, %axes) {keepdims = 0}
  return %y
}`,
      },
      {
        title: "The Softmax's value is used in its own layout",
        fails: "fewer transposes",
        before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 4, 4, 2]) {
  %t = Transpose(%x) {perm = [0, 2, 3, 1]}
  %y = Softmax(%t)
  return %y
}`,
        after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 4, 4, 2]) {
  %t = Transpose(%x) {perm = [0, 2, 3, 1]}
  %y = Softmax(%t)
  return %y
}`,
      },
    ],
  },
  true,
);
