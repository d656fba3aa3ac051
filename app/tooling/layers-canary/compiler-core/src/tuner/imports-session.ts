import { value } from "../session/index.ts";
export const used = value;
