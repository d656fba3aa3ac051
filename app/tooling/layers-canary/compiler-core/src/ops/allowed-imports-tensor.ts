import { value } from "../tensor/leaf.ts";
export const used = value;
