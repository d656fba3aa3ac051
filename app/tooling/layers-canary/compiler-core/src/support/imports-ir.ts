import { value } from "../ir/leaf.ts";
export const used = value;
