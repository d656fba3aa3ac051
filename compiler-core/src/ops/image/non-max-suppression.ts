import { makeTensor, toNumbers } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { numberAt, tensorAt } from "../support/numbers.ts";
import { optional, required } from "../support/types.ts";

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const area = (box: Box): number => (box.right - box.left) * (box.bottom - box.top);

/** Intersection over union; 0 for boxes without area. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const common = width * height;
  const union = area(a) + area(b) - common;
  return union > 0 ? common / union : 0;
}

export const nonMaxSuppression = defineOperator({
  domain: "",
  op: "NonMaxSuppression",
  versions: [{ since: 10 }, { since: 11, change: "clearer words on thresholds" }],
  summary: "Keeps the best boxes of every class and drops those that overlap a better one too much.",
  doc: "For each batch entry and class the boxes are taken by falling score (equal scores: the first box first); a box is kept unless its intersection over union with one already kept exceeds iou_threshold.",
  family: "shape",
  inputs: [
    required("boxes", "tensor(float32)", "[batch, boxes, 4]: two opposite corners as y, x, y, x; or centre x, y, width, height"),
    required("scores", "tensor(float32)", "[batch, classes, boxes]"),
    optional("max_output_boxes_per_class", "tensor(int64)", "scalar: most boxes kept for a class; 0 when omitted, which keeps none"),
    optional("iou_threshold", "tensor(float32)", "scalar in [0, 1]: overlap above which a box is dropped; 0 when omitted"),
    optional("score_threshold", "tensor(float32)", "scalar: boxes must score more"),
  ],
  outputs: [required("selected_indices", "tensor(int64)", "[kept, 3]: batch entry, class and box of each")],
  attributes: { center_point_box: { kind: "int", doc: "1 for boxes given by centre, width and height", fallback: 0 } },
  infer: () => [{ type: tensorType("int64", [null, 3]) }],
  evaluate: (inputs, { attributes, task }) => {
    const boxes = tensorAt(inputs, 0);
    const scores = tensorAt(inputs, 1);
    const [batch, count] = boxes.dims as [number, number];
    const classes = scores.dims[1]!;
    if (boxes.dims.length !== 3 || boxes.dims[2] !== 4 || scores.dims.length !== 3 || scores.dims[0] !== batch || scores.dims[2] !== count)
      throw new GraphwrightError("shape-contradiction", `boxes [${boxes.dims.join(", ")}] and scores [${scores.dims.join(", ")}] do not go together.`);
    const limit = inputs[2] ? numberAt(inputs, 2) : 0;
    const most = inputs[3] ? numberAt(inputs, 3) : 0;
    const least = inputs[4] ? numberAt(inputs, 4) : -Infinity;
    const centred = attributes.int("center_point_box") !== 0;
    const b = toNumbers(boxes);
    const s = toNumbers(scores);
    const boxAt = (index: number): Box => {
      const [p, q, r, t] = [b[4 * index]!, b[4 * index + 1]!, b[4 * index + 2]!, b[4 * index + 3]!];
      if (centred) return { left: p - r / 2, right: p + r / 2, top: q - t / 2, bottom: q + t / 2 };
      return { left: Math.min(q, t), right: Math.max(q, t), top: Math.min(p, r), bottom: Math.max(p, r) };
    };
    const selected: bigint[] = [];
    for (let n = 0; n < batch; n++) {
      const all = Array.from({ length: count }, (_, i) => boxAt(n * count + i));
      for (let c = 0; c < classes; c++) {
        task.check();
        const score = (i: number): number => s[(n * classes + c) * count + i]!;
        const order = all.map((_, i) => i).filter((i) => least === -Infinity || score(i) > least).sort((i, j) => score(j) - score(i) || i - j);
        const kept: number[] = [];
        for (const i of order) {
          if (kept.length >= limit) break;
          if (kept.some((k) => overlap(all[k]!, all[i]!) > most)) continue;
          kept.push(i);
          selected.push(BigInt(n), BigInt(c), BigInt(i));
        }
      }
    }
    return [makeTensor("int64", [selected.length / 3, 3], BigInt64Array.from(selected))];
  },
});
