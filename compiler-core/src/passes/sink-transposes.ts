import { transposeRegion } from "./support/transpose-region.ts";

export const sinkTransposes = transposeRegion(
  {
    name: "sink-transposes",
    title: "Transposes sunk and cancelled",
    summary: "Computes operators that work in any layout before a Transpose instead of after it, a whole region at once, where the region then has fewer Transposes.",
    why: "Models from frameworks with channels last have a Transpose before and after every convolution; what lies between works in either layout. Every application leaves fewer Transposes, so it ends.",
    exactness: "exact",
    examples: [
      {
        title: "A bias and an activation between two layouts",
        before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %b = constant float32[2] [1, 2]
  %t = Transpose(%x) {perm = [0, 2, 3, 1]}
  %s = Add(%t, %b)
  %r = Relu(%s)
  %y = Transpose(%r) {perm = [0, 3, 1, 2]}
  return %y
}`,
        after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %b = constant float32[1, 2, 1, 1] [1, 2]
  %s_turned = Add(%x, %b)
  %y = Relu(%s_turned)
  return %y
}`,
      },
      {
        title: "Two branches meet in a Concat",
        before: `graph @main(%x: float32[N, 2, 4, 4], %z: float32[N, 3, 4, 4]) -> (%y: float32[N, 4, 4, 5]) {
  %a = Transpose(%x) {perm = [0, 2, 3, 1]}
  %b = Transpose(%z) {perm = [0, 2, 3, 1]}
  %c = Concat(%a, %b) {axis = -1}
  %y = Sigmoid(%c)
  return %y
}`,
        after: `graph @main(%x: float32[N, 2, 4, 4], %z: float32[N, 3, 4, 4]) -> (%y: float32[N, 4, 4, 5]) {
  %c_turned = Concat(%x, %z) {axis = 1}
  %y_turned = Sigmoid(%c_turned)
  %y = Transpose(%y_turned) {perm = [0, 2, 3, 1]}
  return %y
}`,
      },
      {
        title: "Paddings and ranges move with their axes",
        before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 5, 3]) {
  %p = constant int64[8] [0, 0, 1, 0, 0, 1, 0, 0]
  %big = constant int64[1] [99]
  %two = constant int64[1] [2]
  %t = Transpose(%x) {perm = [0, 2, 3, 1]}
  %a = Pad(%t, %p)
  %c = Slice(%a, %two, %big, %two)
  %y = Transpose(%c) {perm = [0, 3, 1, 2]}
  return %y
}`,
        after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 5, 3]) {
  %big = constant int64[1] [99]
  %two = constant int64[1] [2]
  %p = constant int64[8] [0, 0, 0, 1, 0, 0, 1, 0]
  %a_turned = Pad(%x, %p)
  %two_turned = constant int64[1] [3]
  %y = Slice(%a_turned, %two, %big, %two_turned)
  return %y
}`,
      },
      {
        title: "One Transpose would come for the one that goes",
        fails: "fewer transposes",
        before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 4, 4, 2]) {
  %t = Transpose(%x) {perm = [0, 2, 3, 1]}
  %y = Relu(%t)
  return %y
}`,
        after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 4, 4, 2]) {
  %t = Transpose(%x) {perm = [0, 2, 3, 1]}
  %y = Relu(%t)
  return %y
}`,
      },
    ],
  },
  false,
);
