import { defineOperator } from "../definition.ts";
import { cosineWindow } from "../support/cosine-window.ts";

export const hannWindow = defineOperator({
  ...cosineWindow([0.5, 0.5]),
  op: "HannWindow",
  summary: "The Hann window of a given length.",
  doc: "w[n] = 0.5 - 0.5 cos(2 pi n / N).",
});
