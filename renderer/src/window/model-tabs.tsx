import { X } from "lucide-react";
import { ContextMenu } from "radix-ui";
import { useEffect, useRef, useState, type DragEvent, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../design/name.tsx";
import * as act from "../state/actions.ts";
import { isEdited, useStore } from "../state/store.ts";
import { runCommand } from "../commands/table.ts";

/** A drag of a tab carries this type, so that files dropped on the strip are still files. */
const dragType = "application/x-graphwright-tab";

/** The open models: dragged or moved by keys, closed by button, middle click, Delete or menu. One of them takes the Tab key. */
export function ModelTabs(): ReactNode {
  const { t } = useTranslation();
  const order = useStore((state) => state.order);
  const active = useStore((state) => state.active);
  const list = useRef<HTMLUListElement>(null);
  const [dragged, setDragged] = useState<string | null>(null);
  const [over, setOver] = useState<number | null>(null);
  // A file whose outline is shown already has a tab of its own: it is what the window shows.
  const opening = useStore((state) => state.opening?.name);
  const shown = opening === undefined ? active : null;
  // Where the tabs need more room than there is, the one that is shown is among those in view.
  useEffect(() => {
    list.current?.querySelector('[data-active="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown, order]);
  if (order.length === 0 && opening === undefined) return <span className="model-tabs" />;

  const focusTab = (index: number): void => list.current?.querySelectorAll<HTMLButtonElement>(".model-tab-name")[index]?.focus();
  const onKey = (event: KeyboardEvent, id: string): void => {
    if (event.altKey || event.metaKey) return;
    const at = order.indexOf(id);
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by !== 0 && event.ctrlKey) {
      act.moveTab(id, at + by);
      requestAnimationFrame(() => focusTab(Math.max(0, Math.min(order.length - 1, at + by))));
    } else if (event.ctrlKey || event.shiftKey) return;
    else if (by !== 0) focusTab((at + by + order.length) % order.length);
    else if (event.key === "Home") focusTab(0);
    else if (event.key === "End") focusTab(order.length - 1);
    else if (event.key === "Delete") {
      void act.closeModel(id).then(() => requestAnimationFrame(() => focusTab(Math.min(at, order.length - 2))));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onDragOver = (event: DragEvent, index: number): void => {
    if (!event.dataTransfer.types.includes(dragType)) return;
    event.preventDefault();
    const box = event.currentTarget.getBoundingClientRect();
    setOver(event.clientX < box.left + box.width / 2 ? index : index + 1);
  };
  const onDrop = (event: DragEvent): void => {
    const id = event.dataTransfer.getData(dragType);
    if (id !== "" && over !== null) act.moveTab(id, over > order.indexOf(id) ? over - 1 : over);
    setOver(null);
    setDragged(null);
  };
  const tabbable = active ?? order[0];
  return (
    <nav className="model-tabs" aria-label={t("top.models")} data-testid="model-tabs">
      <ul ref={list} onDrop={onDrop} onDragLeave={() => setOver(null)}>
        {order.map((id, index) => (
          <ContextMenu.Root key={id}>
            <ContextMenu.Trigger asChild>
              <li
                className="model-tab"
                data-active={id === shown}
                data-dragged={id === dragged || undefined}
                data-drop={over === index ? "before" : over === index + 1 && index === order.length - 1 ? "after" : undefined}
                draggable
                onDragStart={(event) => { event.dataTransfer.setData(dragType, id); event.dataTransfer.effectAllowed = "move"; setDragged(id); }}
                onDragEnd={() => { setDragged(null); setOver(null); }}
                onDragOver={(event) => onDragOver(event, index)}
                onAuxClick={(event) => event.button === 1 && void act.closeModel(id)}
                // Without this the middle button scrolls.
                onMouseDown={(event) => event.button === 1 && event.preventDefault()}
              >
                <Tab id={id} active={id === shown} tabbable={id === tabbable} onKey={(event) => onKey(event, id)} />
              </li>
            </ContextMenu.Trigger>
            <ContextMenu.Portal>
              <ContextMenu.Content className="menu-content" collisionPadding={8}>
                <TabMenu id={id} index={index} count={order.length} />
              </ContextMenu.Content>
            </ContextMenu.Portal>
          </ContextMenu.Root>
        ))}
        {opening !== undefined && (
          <li className="model-tab" data-active data-testid="opening-tab">
            <span className="model-tab-name" aria-current="page" aria-busy title={opening}><Name>{opening}</Name></span>
          </li>
        )}
      </ul>
    </nav>
  );
}

function Tab({ id, active, tabbable, onKey }: { readonly id: string; readonly active: boolean; readonly tabbable: boolean; readonly onKey: (event: KeyboardEvent) => void }): ReactNode {
  const { t } = useTranslation();
  // Not the model itself: it changes with every step.
  const name = useStore((state) => state.models[id]?.name ?? "");
  const path = useStore((state) => state.models[id]?.file.path);
  const edited = useStore((state) => { const model = state.models[id]; return model !== undefined && isEdited(model); });
  return (
    <>
      <button type="button" className="model-tab-name" aria-current={active ? "page" : undefined} tabIndex={tabbable ? 0 : -1} onClick={() => act.activate(id)} onKeyDown={onKey} title={path ?? name} data-testid="model-tab">
        <Name>{name}</Name>
        {edited && <span className="edited" role="img" aria-label={t("top.edited")}>•</span>}
      </button>
      <button type="button" className="icon-button tiny" aria-label={t("top.close", { name })} tabIndex={tabbable ? 0 : -1} onClick={() => void act.closeModel(id)} data-testid="close-model">
        <X size={12} aria-hidden />
      </button>
    </>
  );
}

function TabMenu({ id, index, count }: { readonly id: string; readonly index: number; readonly count: number }): ReactNode {
  const { t } = useTranslation();
  const path = useStore((state) => state.models[id]?.file.path);
  const closed = useStore((state) => state.closed);
  const item = "menu-item menu-item-plain";
  return (
    <>
      <ContextMenu.Item className={item} onSelect={() => void act.closeModel(id)}>{t("top.close-tab")}</ContextMenu.Item>
      <ContextMenu.Item className={item} disabled={count < 2} onSelect={() => void act.closeOthers(id)} data-testid="tab-close-others">{t("command.file-close-others")}</ContextMenu.Item>
      <ContextMenu.Item className={item} disabled={closed === 0} onSelect={() => runCommand("file-reopen")}>{t("command.file-reopen")}</ContextMenu.Item>
      <ContextMenu.Separator className="menu-separator" />
      <ContextMenu.Item className={item} disabled={index === 0} onSelect={() => act.moveTab(id, index - 1)}>{t("command.file-tab-left")}</ContextMenu.Item>
      <ContextMenu.Item className={item} disabled={index === count - 1} onSelect={() => act.moveTab(id, index + 1)}>{t("command.file-tab-right")}</ContextMenu.Item>
      {path !== undefined && (
        <>
          <ContextMenu.Separator className="menu-separator" />
          <ContextMenu.Item className={item} onSelect={() => void act.copyText(path)}>{t("export.copy-path")}</ContextMenu.Item>
        </>
      )}
    </>
  );
}
