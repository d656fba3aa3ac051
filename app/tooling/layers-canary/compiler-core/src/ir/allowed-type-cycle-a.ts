import type { B } from "./allowed-type-cycle-b.ts";
export type A = { readonly b?: B };
