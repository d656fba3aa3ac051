import { type Draw, type Generator, is, type NodeCase, vector } from "../node-case.ts";

const domain = "ai.onnx.ml";
const floats = (value: readonly number[]) => ({ kind: "floats" as const, value });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i / 2 + 1);
const table = (d: Draw): number[] => [d.int(1, 4), d.int(1, 4)];

/** Operators of classical machine learning, by "ai.onnx.ml.Name". */
export const ml: Readonly<Record<string, Generator>> = Object.fromEntries(
  Object.entries({
    Scaler: (d) => {
      const dims = table(d);
      return { inputs: [d.float(dims)], attributes: { offset: floats(numbers(dims[1]!)), scale: floats(numbers(dims[1]!)) } };
    },
    Normalizer: (d) => ({ inputs: [d.float(table(d))], attributes: { norm: is.string(d.pick(["MAX", "L1", "L2"])) } }),
    Binarizer: (d) => ({ inputs: [d.float(d.dims(1, 3))], attributes: { threshold: is.float(0.5) } }),
    Imputer: (d) => ({ inputs: [d.float(table(d))], attributes: { imputed_value_floats: floats([1]), replaced_value_float: is.float(Number.NaN) } }),
    ArrayFeatureExtractor: (d) => {
      const dims = table(d);
      return { inputs: [d.float(dims), d.tensor("int64", [1, d.int(1, 3)], [0, dims[1]! - 1])] };
    },
    FeatureVectorizer: (d) => {
      const rows = d.int(1, 3);
      return { inputs: d.list(d.int(1, 3), () => d.float([rows, d.int(1, 3)])) };
    },
    LinearRegressor: (d) => {
      const dims = table(d);
      const targets = d.int(1, 3);
      return { inputs: [d.float(dims)], attributes: { coefficients: floats(numbers(targets * dims[1]!)), targets: is.int(targets) } };
    },
    LinearClassifier: (d) => {
      const dims = table(d);
      const classes = d.int(2, 3);
      return { inputs: [d.float(dims)], attributes: { coefficients: floats(numbers(classes * dims[1]!)), intercepts: floats(numbers(classes)), classlabels_ints: is.ints(numbers(classes).map((_, i) => i)) }, outputs: 2 };
    },
    OneHotEncoder: (d) => ({ inputs: [d.tensor("int64", d.dims(1, 3), [0, 2])], attributes: { cats_int64s: is.ints([0, 1, 2]), zeros: is.int(1) } }),
    LabelEncoder: (d) => ({ inputs: [d.tensor("int64", d.dims(0, 3), [0, 2])], attributes: { keys_int64s: is.ints([0, 1]), values_strings: { kind: "strings", value: ["a", "b"] } } }),
    CategoryMapper: (d) => ({ inputs: [vector([0, 1, d.int(0, 5)])], attributes: { cats_int64s: is.ints([0, 1]), cats_strings: { kind: "strings", value: ["a", "b"] } } }),
  } satisfies Record<string, (d: Draw) => Omit<NodeCase, "op" | "domain">>).map(([op, draw]): [string, Generator] => [`${domain}.${op}`, (d) => ({ op, domain, ...(draw as (d: Draw) => Omit<NodeCase, "op">)(d) })]),
);
