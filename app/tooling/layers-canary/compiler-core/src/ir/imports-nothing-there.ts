import { value } from "./no-such-file.ts";
export const used = value;
