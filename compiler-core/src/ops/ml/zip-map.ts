import { makeTensor } from "../../ir/tensor.ts";
import { mapType, sequenceType, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator, type Value } from "../definition.ts";
import { featureMatrix } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { sequence } from "../support/sequences.ts";
import { required } from "../support/types.ts";

export const zipMap = defineOperator({
  domain: "ai.onnx.ml",
  op: "ZipMap",
  versions: [{ since: 1 }],
  summary: "Turns every row of a matrix into a map from given keys to the row's elements.",
  family: "ml",
  inputs: [required("X", "tensor(float32)", "values [N, keys] or [keys]")],
  outputs: [required("Z", "T", "one map for each row")],
  attributes: {
    classlabels_int64s: { kind: "ints", doc: "the keys, when they are integers" },
    classlabels_strings: { kind: "strings", doc: "the keys, when they are strings" },
  },
  types: { T: ["seq(map(string, float32))", "seq(map(int64, float32))"] },
  infer: (_context, _node, attributes) => [{ type: sequenceType(mapType(attributes.strings("classlabels_strings") ? "string" : "int64", tensorType("float32", []))) }],
  evaluate: (inputs, { attributes }) => {
    const x = featureMatrix(tensorAt(inputs, 0));
    const texts = attributes.strings("classlabels_strings");
    const keys: readonly (string | bigint)[] = texts ?? attributes.ints("classlabels_int64s")?.map(BigInt) ?? [];
    if (keys.length !== x.columns) throw new GraphwrightError("shape-contradiction", `${keys.length} keys are given for ${x.columns} columns.`);
    const key = texts ? "string" : "int64";
    const maps = Array.from({ length: x.rows }, (_, n): Value => ({
      kind: "map",
      key,
      entries: new Map(keys.map((name, f) => [name, makeTensor("float32", [], Float32Array.of(x.numbers[n * x.columns + f]!))])),
    }));
    return [sequence(maps, mapType(key, tensorType("float32", [])))];
  },
});
