import { value } from "../support/leaf.ts";
export const used = value;
