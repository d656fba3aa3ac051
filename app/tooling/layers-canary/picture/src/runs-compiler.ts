import { value } from "../../compiler-core/src/session/index.ts";
export const used = value;
