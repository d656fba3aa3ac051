import type { VersionSteps } from "./versions.ts";

/** Version 1 took the order of the norm as a float. */
export const wholeOrder: VersionSteps = {
  upgrade: (node) => {
    const p = node.attributes.p;
    if (p?.kind === "float") node.attributes.p = { kind: "int", value: Math.round(p.value) };
  },
  downgrade: (node) => {
    const p = node.attributes.p;
    if (p?.kind === "int") node.attributes.p = { kind: "float", value: Number(p.value) };
    return undefined;
  },
};
