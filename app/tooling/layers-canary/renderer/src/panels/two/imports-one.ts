import { value } from "../one/leaf.ts";
export const used = value;
