import { defineOperator } from "../definition.ts";
import { cosineWindow } from "../support/cosine-window.ts";

export const blackmanWindow = defineOperator({
  ...cosineWindow([0.42, 0.5, 0.08]),
  op: "BlackmanWindow",
  summary: "The Blackman window of a given length.",
  doc: "w[n] = 0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N).",
});
