import { isBigArray, makeTensor, toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { imputerLowering } from "../support/lower-features.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const imputer = defineOperator({
  domain: "ai.onnx.ml",
  op: "Imputer",
  versions: [{ since: 1 }],
  summary: "Replaces one value (not-a-number, say) by others, the same for all features or one for each.",
  family: "ml",
  inputs: [required("X", "T", "features [..., F]")],
  outputs: [required("Y", "T", "features without the replaced value")],
  attributes: {
    imputed_value_floats: { kind: "floats", doc: "what takes its place: one value, or one for each feature" },
    imputed_value_int64s: { kind: "ints", doc: "the same for integers" },
    replaced_value_float: { kind: "float", doc: "the value to replace", fallback: 0 },
    replaced_value_int64: { kind: "int", doc: "the same for integers", fallback: 0 },
  },
  types: { T: tensors("float32", "float64", "int64", "int32") },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const columns = x.dims.at(-1) ?? 1;
    const whole = x.element.startsWith("int");
    const values = whole ? attributes.ints("imputed_value_int64s") : attributes.floats("imputed_value_floats");
    if (!values || (values.length !== 1 && values.length !== columns))
      throw new GraphwrightError("attribute-range", `${values?.length ?? 0} values are given for ${columns} features of type ${x.element}: one or ${columns} are needed.`);
    const replaced = whole ? attributes.int("replaced_value_int64") : attributes.float("replaced_value_float");
    const valueAt = (i: number): number => values[values.length === 1 ? 0 : i % columns]!;
    if (isBigArray(x.data)) return [makeTensor(x.element, x.dims, BigInt64Array.from(x.data, (v, i) => (v === BigInt(replaced) ? BigInt(valueAt(i)) : v)))];
    const numbers = toNumbers(x);
    const out = workArray(x.element, numbers.length);
    for (let i = 0; i < out.length; i++) out[i] = numbers[i] === replaced || (Number.isNaN(replaced) && Number.isNaN(numbers[i]!)) ? valueAt(i) : numbers[i]!;
    return [finished(x.element, x.dims, out)];
  },
  cost: costPerOutput(1),
  lower: imputerLowering,
});
