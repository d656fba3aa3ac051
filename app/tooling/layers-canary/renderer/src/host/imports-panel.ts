import { value } from "../panels/one/leaf.ts";
export const used = value;
