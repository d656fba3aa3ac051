import { value } from "../../importers/onnx/leaf.ts";
export const used = value;
