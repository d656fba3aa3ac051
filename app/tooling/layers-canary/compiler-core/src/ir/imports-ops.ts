import { value } from "../ops/leaf.ts";
export const used = value;
