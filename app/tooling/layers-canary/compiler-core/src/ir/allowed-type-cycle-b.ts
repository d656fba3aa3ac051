import type { A } from "./allowed-type-cycle-a.ts";
export type B = { readonly a?: A };
