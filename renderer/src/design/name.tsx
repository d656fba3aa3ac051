import type { ReactNode } from "react";

/** A name that is shortened in the middle when there is no room, because names of a model differ at their ends. */
export function Name({ children, className = "", mono = false, whole = children }: { readonly children: string; readonly className?: string; readonly mono?: boolean; /** on hover, where a part of the name is left out */ readonly whole?: string }): ReactNode {
  const tail = children.length > 12 ? children.slice(-8) : "";
  const head = tail ? children.slice(0, -8) : children;
  return (
    <span className={`name ${mono ? "mono" : ""} ${className}`} title={whole}>
      <span className="name-head">{head}</span>
      {tail && <span className="name-tail">{tail}</span>}
    </span>
  );
}
