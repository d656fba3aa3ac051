import type { value } from "../../../../compiler-core/src/session/index.ts";
export type Used = typeof value;
