import { value } from "../passes/leaf.ts";
export const used = value;
