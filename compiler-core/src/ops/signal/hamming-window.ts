import { defineOperator } from "../definition.ts";
import { cosineWindow } from "../support/cosine-window.ts";

export const hammingWindow = defineOperator({
  ...cosineWindow([25 / 46, 21 / 46]),
  op: "HammingWindow",
  summary: "The Hamming window of a given length.",
  doc: "w[n] = 25/46 - 21/46 cos(2 pi n / N).",
});
