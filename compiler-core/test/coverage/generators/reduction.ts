import { type Generator, is, vector } from "../node-case.ts";

const reduction = (op: string): Generator => (d) => {
  const dims = d.dims(0, 4);
  const attributes = { keepdims: is.flag(d.bool()), noop_with_empty_axes: is.flag(d.bool()) };
  const x = d.tensor(d.element(op), dims);
  const how = d.int(0, 2);
  if (how === 0) return { op, inputs: [x], attributes };
  const axes = how === 1 ? [] : d.subset(dims.length).map((a) => d.signed(a, dims.length));
  return { op, inputs: [x, vector(axes)], constants: [1], attributes };
};

const names = ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"] as const;

const best = (op: string): Generator => (d) => {
  const dims = d.dims(1, 4);
  return { op, inputs: [d.tensor(d.element(op), dims)], attributes: { axis: is.int(d.axis(dims.length)), keepdims: is.flag(d.bool()), select_last_index: is.flag(d.bool()) } };
};

const along = (op: string): Generator => (d) => {
  const dims = d.dims(1, 4);
  return { op, inputs: [d.tensor(d.element(op), dims)], attributes: { axis: is.int(d.axis(dims.length)) } };
};

const cumulative = (op: string): Generator => (d) => {
  const dims = d.dims(1, 4);
  return {
    op,
    inputs: [d.tensor(d.element(op), dims), d.tensor("int64", [], [0, dims.length - 1])],
    attributes: { exclusive: is.flag(d.bool()), reverse: is.flag(d.bool()) },
  };
};

export const reductions: Readonly<Record<string, Generator>> = {
  ...Object.fromEntries(names.map((op) => [op, reduction(op)])),
  ArgMax: best("ArgMax"),
  ArgMin: best("ArgMin"),
  ...Object.fromEntries(["Softmax", "LogSoftmax", "Hardmax", "LpNormalization"].map((op) => [op, along(op)])),
  CumSum: cumulative("CumSum"),
  CumProd: cumulative("CumProd"),
  TopK: (d) => {
    const dims = d.dims(1, 4);
    const axis = d.axis(dims.length);
    const k = d.int(0, dims.at(axis)!);
    return { op: "TopK", inputs: [d.tensor(d.element("TopK"), dims), vector([k])], constants: [1], attributes: { axis: is.int(axis), largest: is.flag(d.bool()) }, outputs: 2 };
  },
  Det: (d) => {
    const n = d.int(1, 4);
    return { op: "Det", inputs: [d.float([...d.dims(0, 2), n, n])] };
  },
};
