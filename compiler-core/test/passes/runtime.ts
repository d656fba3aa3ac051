import { fromBinary, toBinary } from "@bufbuild/protobuf";
import * as ort from "onnxruntime-node";
import { ModelProtoSchema } from "../../src/importers/onnx/onnx_pb.ts";
import { makeTensor, type Tensor, type TensorData } from "../../src/ir/tensor.ts";

/** ONNX Runtime with its own optimizations off: the judge of what a model computes. */
export type Loaded = ort.InferenceSession;

/** A copy: some kernels write over what they are given. */
const typed = (data: TensorData, element: string): TensorData => (element === "bool" ? Uint8Array.from(data as ArrayLike<number>) : (data.slice() as TensorData));

/** The session, or why there is none. */
export async function load(bytes: Uint8Array): Promise<Loaded | string> {
  try {
    return await ort.InferenceSession.create(bytes, { graphOptimizationLevel: "disabled", logSeverityLevel: 4, intraOpNumThreads: 1 });
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * The model with its defaults taken away: the binding gives no values to inputs that have one, so that what a caller
 * may override can only be tried this way.
 */
export function withoutDefaults(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const inputs = new Set(model.graph!.input.map((i) => i.name));
  model.graph!.initializer = model.graph!.initializer.filter((t) => !inputs.has(t.name));
  return toBinary(ModelProtoSchema, model);
}

/** The outputs by name, or why there are none. Inputs that the model does not have are left out. */
export async function run(session: Loaded, feeds: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor> | string> {
  try {
    const inputs = Object.fromEntries([...feeds].filter(([name]) => session.inputNames.includes(name)).map(([name, t]) => [name, new ort.Tensor(t.element as "float32", typed(t.data, t.element) as Float32Array, t.dims)]));
    const results = await session.run(inputs);
    return new Map(Object.entries(results).map(([name, t]) => [name, makeTensor(t.type as "float32", t.dims, t.data as Float32Array)]));
  } catch (error) {
    return (error as Error).message;
  }
}
