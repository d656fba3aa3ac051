import { value } from "../browser/leaf.ts";
export const used = value;
