import { type Generator, is } from "../node-case.ts";

const image = (d: Parameters<Generator>[0]): number[] => [d.int(1, 2), d.int(1, 4), ...d.dims(1, 3)];

const fromAxis = (op: "LayerNormalization" | "RMSNormalization"): Generator => (d) => {
  const dims = d.dims(1, 4);
  const axis = d.axis(dims.length);
  const scale = dims.slice(axis);
  const inputs = [d.float(dims), d.float(scale)];
  if (op === "LayerNormalization" && d.bool()) inputs.push(d.float(scale));
  return { op, inputs, attributes: { axis: is.int(axis) }, outputs: op === "LayerNormalization" ? d.int(1, 3) : 1 };
};

export const normalizations: Readonly<Record<string, Generator>> = {
  BatchNormalization: (d) => {
    const dims = image(d);
    const training = d.bool();
    const each = () => d.float([dims[1]!], [0.5, 1]);
    return { op: "BatchNormalization", inputs: [d.float(dims), each(), each(), each(), each()], attributes: { training_mode: is.flag(training) }, outputs: training ? d.pick([1, 3]) : 1 };
  },
  InstanceNormalization: (d) => {
    const dims = image(d);
    return { op: "InstanceNormalization", inputs: [d.float(dims), d.float([dims[1]!]), d.float([dims[1]!])] };
  },
  GroupNormalization: (d) => {
    const groups = d.int(1, 2);
    const channels = groups * d.int(1, 2);
    return { op: "GroupNormalization", inputs: [d.float([d.int(1, 2), channels, ...d.dims(1, 2)]), d.float([channels]), d.float([channels])], attributes: { num_groups: is.int(groups) } };
  },
  LayerNormalization: fromAxis("LayerNormalization"),
  RMSNormalization: fromAxis("RMSNormalization"),
  LRN: (d) => ({ op: "LRN", inputs: [d.float(image(d))], attributes: { size: is.int(d.pick([1, 3])) } }),
  MeanVarianceNormalization: (d) => ({ op: "MeanVarianceNormalization", inputs: [d.float([2, d.int(1, 3), 2, d.int(1, 3)])] }),
};
