import { ChevronRight } from "lucide-react";
import { useState, type ReactNode } from "react";

/** Which sections a person closed, for as long as the window is open. */
const closed = new Set<string>();

interface SectionProps {
  readonly id: string;
  readonly title: string;
  readonly note?: ReactNode;
  readonly children: ReactNode;
}

export function Section({ id, title, note, children }: SectionProps): ReactNode {
  const [open, setOpen] = useState(!closed.has(id));
  const toggle = (): void => {
    if (open) closed.add(id);
    else closed.delete(id);
    setOpen(!open);
  };
  return (
    <section className="section" id={`inspector-${id}`} aria-labelledby={`inspector-${id}-title`} data-testid={`inspector-${id}`}>
      <h3>
        <button type="button" className="section-head" id={`inspector-${id}-title`} aria-expanded={open} onClick={toggle}>
          <ChevronRight size={12} className="chevron" aria-hidden />
          {title}
          <span className="spacer" />
          {note !== undefined && <span className="section-note num">{note}</span>}
        </button>
      </h3>
      {open && <div className="section-body">{children}</div>}
    </section>
  );
}

export function Pairs({ rows }: { readonly rows: readonly (readonly [label: ReactNode, value: ReactNode, title?: string] | false)[] }): ReactNode {
  return (
    <dl className="pairs">
      {rows.map((row, index) =>
        row ? (
          <div key={index} title={row[2]}>
            <dt>{row[0]}</dt>
            <dd>{row[1]}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}
