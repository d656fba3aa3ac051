import { value } from "../../../compiler-core/src/ir/leaf.ts";
export const used = value;
