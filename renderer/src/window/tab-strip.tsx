import { Tabs } from "radix-ui";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Panel } from "../panels/panel.ts";
import { countNotes } from "../state/notes.ts";
import { useStore, type ModelState } from "../state/store.ts";
import { Shown } from "./shown.tsx";

interface TabStripProps {
  readonly panels: readonly Panel[];
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly model: ModelState;
  readonly label: string;
}

/** Panels that share a place. Only the one that is shown is mounted. */
export function TabStrip({ panels, value, onChange, model, label }: TabStripProps): ReactNode {
  const { t } = useTranslation();
  const problems = useStore((state) => state.log.filter((entry) => entry.diagnostic.severity !== "info" && (entry.model === null || entry.model === model.id)).length);
  const list = useRef<HTMLDivElement>(null);
  // Chosen by a key or the menu, the tab may stand outside of a narrow strip.
  useEffect(() => {
    // Newer browsers give a promise here, which is no clean-up.
    void list.current?.querySelector('[data-state="active"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [value]);
  const notes = countNotes(model.notes);
  return (
    <Tabs.Root className="tabs" value={value} onValueChange={onChange}>
      <Tabs.List ref={list} className="tab-list" aria-label={label}>
        {panels.map(({ id, icon: Icon }) => (
          <Tabs.Trigger key={id} value={id} className="tab" data-testid={`tab-${id}`}>
            <Icon size={13} aria-hidden />
            {t(`panel.${id}`)}
            {id === "notes" && notes > 0 && <span className="tab-count tab-count-quiet num">{notes}</span>}
            {id === "log" && problems > 0 && <span className="tab-count num">{problems}</span>}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {panels.map((panel) => (
        <Tabs.Content key={panel.id} value={panel.id} className="tab-content" tabIndex={-1}>
          <Shown panel={panel} model={model} />
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}
