import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { Task } from "../../support/task.ts";
import type { OperatorVersion } from "../definition.ts";
import { normalAxis } from "./infer.ts";
import { finished, workArray } from "./numbers.ts";
import { stepRounder } from "./quantization.ts";
import { intAttribute } from "./versions.ts";

/**
 * Softmax or its logarithm along one axis; the largest element is subtracted first, so that nothing overflows.
 * 16-bit floats are rounded after each step of the decomposition that the specification gives.
 */
export function softmaxAlong(x: Tensor, axis: number, kind: "softmax" | "log", task: Task): Tensor {
  const numbers = toNumbers(x);
  const out = workArray(x.element, numbers.length);
  const size = x.dims[axis] ?? 1;
  const round = stepRounder(x.element);
  // NumPy adds bfloat16 one by one, and 16-bit floats in float32.
  const sequential = x.element === "bfloat16";
  const row = new Float64Array(size);
  const inner = elementCount(x.dims.slice(axis + 1));
  const outer = elementCount(x.dims.slice(0, axis));
  for (let o = 0; o < outer; o++) {
    task.check();
    for (let i = 0; i < inner; i++) {
      const start = o * size * inner + i;
      const end = start + size * inner;
      let top = -Infinity;
      for (let at = start; at < end; at += inner) if (numbers[at]! > top) top = numbers[at]!;
      let sum = 0;
      for (let k = 0, at = start; k < size; k++, at += inner) {
        const difference = round(numbers[at]! - top);
        const power = round(Math.exp(difference));
        row[k] = kind === "log" ? difference : power;
        sum = sequential ? round(sum + power) : sum + power;
      }
      sum = round(sum);
      if (kind === "log") {
        const logarithm = round(Math.log(sum));
        for (let k = 0, at = start; k < size; k++, at += inner) out[at] = row[k]! - logarithm;
      } else for (let k = 0, at = start; k < size; k++, at += inner) out[at] = row[k]! / sum;
    }
  }
  return finished(x.element, x.dims, out);
}

/**
 * Before version 13 the input counted as a matrix: dimensions before `axis` (1 by default) are rows, the others are
 * columns. That is the newer form when `axis` is the last dimension; else the node is wrapped in Flatten and Reshape.
 */
export const flattensFromAxis: Pick<OperatorVersion, "upgrade" | "downgrade"> = {
  upgrade: (node, context) => {
    const axis = intAttribute(node, "axis", 1);
    const shape = shapeOf(context.type(node.inputs[0]));
    const rank = shape?.length;
    node.attributes.axis = { kind: "int", value: axis };
    if (axis === -1 || (rank !== undefined && normalAxis(axis, rank) === rank - 1)) return;
    const x = node.inputs[0]!;
    const name = node.outputs[0] || node.op;
    const flat = context.addNode("Flatten", [x], { axis: { kind: "int", value: axis } }, `${name}_matrix`);
    const result = context.addNode(node.op, [flat], { axis: { kind: "int", value: 1 } }, `${name}_rows`);
    node.inputs = [result, context.addNode("Shape", [x], {}, `${name}_shape`)];
    node.op = "Reshape";
    node.attributes = shape?.includes(0) ? { allowzero: { kind: "int", value: 1 } } : {};
  },
  downgrade: (node, context) => {
    const axis = intAttribute(node, "axis", -1);
    const rank = shapeOf(context.type(node.inputs[0]))?.length;
    if (rank === undefined ? axis !== -1 : normalAxis(axis, rank) !== rank - 1) return "it works along an axis that is not the last";
    node.attributes.axis = { kind: "int", value: rank === undefined ? -1 : rank - 1 };
    return undefined;
  },
};
