import { value } from "../main/leaf.ts";
export const used = value;
