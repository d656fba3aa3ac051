import type { NodeView } from "@graphwright/compiler-core";
import type { ReactNode } from "react";

/** Colour of an operator's family; `--family-*` of tokens.css. */
export function familyColor(family: NodeView["family"]): string {
  return `var(--family-${family === "parameter" ? "io" : family}, var(--family-custom))`;
}

export function OperatorMark({ family }: { readonly family: NodeView["family"] }): ReactNode {
  return <span className="operator-mark" style={{ background: familyColor(family) }} aria-hidden />;
}
