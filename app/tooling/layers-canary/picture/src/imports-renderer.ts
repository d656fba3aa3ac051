import { value } from "../../renderer/src/leaf.ts";
export const used = value;
