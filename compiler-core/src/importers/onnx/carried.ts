import type { RegionId } from "../../ir/graph.ts";

/**
 * Keys of ModelInfo.carried. The bytes are protobuf messages that hold only what the graph has no field for:
 * - model: a ModelProto with training_info and configuration;
 * - a region: a GraphProto with quantization_annotation, metadata_props, the names in value_info (with doc_string,
 *   metadata_props and types that carry denotations), the order and extras of input and output, the names of sparse
 *   initializers, and for each node with device_configurations its output names and those.
 */
export const modelKey = "onnx.model";
export const regionKey = (region: RegionId): string => `onnx.graph.${region}`;

/**
 * Domain of standard operators whose older meaning cannot be said in the newest form: they stay as they are, opaque,
 * and go back to the same operator-set version only.
 */
export const frozenDomain = (opset: number): string => `ai.onnx@${opset}`;
export const frozenOpset = (domain: string): number | undefined => {
  const match = /^ai\.onnx@(\d+)$/.exec(domain);
  return match ? Number(match[1]) : undefined;
};
