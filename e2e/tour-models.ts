/** Models that a tour shows for their looks: very long names, sizes known only at run time, an operator that nobody knows. */
import { readFileSync } from "node:fs";
import { inRoot } from "../app/tooling/run.mjs";
import { float, modelBytes } from "../compiler-core/test/onnx/models.ts";

const scope = "/model/a_decoder_whose_author_wanted_every_module_to_say_all_it_knows/layers.17/self_attention_with_rotary_position_embeddings";
/** 200 characters, as exporters of deep networks write them. */
const long = (op: string): string => `${scope}/${"projection_of_queries_keys_and_values_".repeat(3)}`.slice(0, 199 - op.length) + `/${op}`;

/** One layer over tokens of any number in a batch of any size, with names of 200 characters. */
export function anySizes(): Buffer {
  const node = (opType: string, input: string[], output = long(`${opType}_output_0`)) => ({ opType, name: output.replace("_output_0", ""), input, output: [output] });
  const weight = (name: string, dims: number[]) => ({ name, dataType: 1, dims: dims.map(BigInt), floatData: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i) / 4) });
  const [product, sum, relu, same] = ["MatMul", "Add", "Relu", "Identity"].map((op) => long(`${op}_output_0`)) as [string, string, string, string];
  return Buffer.from(modelBytes({
    graph: {
      name: "any-sizes",
      node: [node("MatMul", ["hidden_states", long("weight")]), node("Add", [product, long("bias")]), node("Relu", [sum]), node("Identity", [relu]), node("Add", [same, "hidden_states"], "last_hidden_state")],
      initializer: [weight(long("weight"), [16, 16]), weight(long("bias"), [16])],
      input: [float("hidden_states", ["batch_size", "sequence_length_of_the_longest_prompt", 16])],
      output: [float("last_hidden_state", ["batch_size", "sequence_length_of_the_longest_prompt", 16])],
    },
  }));
}

/** The example with one operator that is in no specification. */
export function unknownOperator(): Buffer {
  const bytes = readFileSync(inRoot("examples/digits/digits.onnx"));
  for (let at = bytes.indexOf("\x07Dropout"); at >= 0; at = bytes.indexOf("\x07Dropout", at + 1)) bytes.write("Dropoot", at + 1);
  return bytes;
}
