import { value } from "../electron/main/leaf.ts";
export const used = value;
