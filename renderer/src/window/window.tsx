import { Tooltip } from "radix-ui";
import { memo, startTransition, Suspense, useEffect, useMemo, useState, type DragEvent, type MouseEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";
import { listenForKeys } from "../commands/key-listener.ts";
import { GraphArea } from "../panels/graph/graph-panel.tsx";
import { watchFocus } from "../commands/keep-focus.ts";
import { hostMenu } from "../commands/host-menu.ts";
import { runCommand } from "../commands/table.ts";
import { Loading } from "../design/states.tsx";
import { applyTheme } from "../design/theme.ts";
import { i18next, resolveLanguage } from "../i18n/index.ts";
import type { ModelId } from "@graphwright/compiler-core";
import { panelsIn } from "../panels/index.ts";
import type { Panel as PanelOfWindow } from "../panels/panel.ts";
import * as act from "../state/actions.ts";
import { watchHeldKeys, whenReleased } from "../state/held.ts";
import { watchLessons } from "../state/lesson.ts";
import { preferences } from "../state/preferences.ts";
import { services } from "../state/services.ts";
import { activeModel, inspectedModel, isEdited, setView, useStore, type LeftTab, type LowerTab, type ModelState, type Opening } from "../state/store.ts";
import { Dialogs } from "./dialogs.tsx";
import { DropTarget } from "./drop-target.tsx";
import { ErrorBoundary } from "./error-boundary.tsx";
import { LessonPane } from "./lesson-pane.tsx";
import { LostBar } from "./lost-bar.tsx";
import { Notices } from "./notices.tsx";
import { Shown } from "./shown.tsx";
import { StatusBar } from "./status-bar.tsx";
import { TabStrip } from "./tab-strip.tsx";
import { TopBar } from "./top-bar.tsx";
import { Welcome } from "./welcome.tsx";

export function Window(): ReactNode {
  const { t } = useTranslation();
  // What changes with every step is read where it is shown: the frame around it stays.
  const id = useStore((state) => activeModel(state)?.id);
  const outline = useStore((state) => activeModel(state)?.outline);
  const name = useStore((state) => activeModel(state)?.name);
  const edited = useStore((state) => { const model = activeModel(state); return model !== undefined && isEdited(model); });
  const opening = useStore((state) => state.opening);
  useEffect(listenForKeys, []);
  useEffect(watchHeldKeys, []);
  useEffect(watchFocus, []);
  useEffect(watchLessons, []);
  useHostWindow(name, edited);
  useSettings();
  const onDrag = (event: DragEvent): void => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    if (!useStore.getState().view.dropping) setView({ dropping: true });
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setView({ dropping: false });
    void act.openDropped([...event.dataTransfer.files], event.dataTransfer.items);
  };
  return (
    <Tooltip.Provider delayDuration={450} skipDelayDuration={200}>
      <div className="window" onDragEnter={onDrag} onDragOver={onDrag} onDrop={onDrop}>
        <a className="skip-link" href="#content" onClick={skipToContent}>{t(id !== undefined ? "top.skip-to-graph" : "top.skip-to-content")}</a>
        <TopBar />
        <LostBar />
        <div className="stage">
          <LessonPane />
          <ErrorBoundary>
            {/* One key from the outline to the model: the canvas stays where it is. */}
            {opening ? <Workbench key={opening.key} name={opening.name} opening={opening} /> : id !== undefined ? <Workbench key={outline} name={name!} id={id} /> : <Welcome />}
          </ErrorBoundary>
        </div>
        <Notices />
        <StatusBar />
        <DropTarget />
        <Dialogs />
      </div>
    </Tooltip.Provider>
  );
}

/** Past menus and lists, to the graph itself or to the page. */
function skipToContent(event: MouseEvent): void {
  event.preventDefault();
  (document.querySelector<HTMLElement>("#graph [role=application]") ?? document.getElementById("content"))?.focus();
}

interface WorkbenchProps {
  readonly name: string;
  readonly id?: ModelId;
  readonly opening?: Opening;
}

/** The panels of a model; while its file is being opened only the graph has something to show. */
const Workbench = memo(function Workbench({ name, id, opening }: WorkbenchProps): ReactNode {
  const { t } = useTranslation();
  const stage = useStages(4, id !== undefined);
  const inspected = useStore((state) => inspectedModel(state)?.id);
  const { left, lower, showLeft, showRight, showLower } = useStore((state) => state.view);
  const columns = useDefaultLayout({ id: "columns", panelIds: [...(showLeft ? ["left"] : []), "center", ...(showRight ? ["right"] : [])], storage: preferences });
  const rows = useDefaultLayout({ id: "rows", panelIds: ["graph", ...(showLower ? ["lower"] : [])], storage: preferences });
  const [inspector] = panelsIn("right");
  const [timeline] = panelsIn("bottom");
  return (
    <main className="workbench" id="content" tabIndex={-1} aria-label={name} aria-busy={id === undefined}>
      <h1 className="unseen">{name}</h1>
      <Group orientation="horizontal" className="columns" id="columns" defaultLayout={columns.defaultLayout} onLayoutChanged={columns.onLayoutChanged}>
        {showLeft && (
          <>
            <Panel id="left" minSize="220px" defaultSize="20%" maxSize="45%" groupResizeBehavior="preserve-pixel-size">
              <aside className="area" aria-label={t("area.left")} data-part>
                {id !== undefined && stage > 2 ? <Following id={id}>{(model) => <TabStrip panels={panelsIn("left")} value={left} onChange={(tab) => setView({ left: tab as LeftTab })} model={model} label={t("area.left")} />}</Following> : <Awaited tabs />}
              </aside>
            </Panel>
            <Separator className="separator separator-x" aria-label={t("area.resize-left")} />
          </>
        )}
        <Panel id="center" minSize="30%">
          <Group orientation="vertical" id="rows" defaultLayout={rows.defaultLayout} onLayoutChanged={rows.onLayoutChanged}>
            <Panel id="graph" minSize="20%" defaultSize="64%">
              <div className="area" data-part>
                <ErrorBoundary>
                  <Suspense fallback={<Loading />}>
                    <GraphPlace id={id} opening={opening} />
                  </Suspense>
                </ErrorBoundary>
              </div>
            </Panel>
            {showLower && (
              <>
                <Separator className="separator separator-y" aria-label={t("area.resize-lower")} />
                <Panel id="lower" minSize="90px" defaultSize="36%">
                  <section className="area" aria-label={t("area.lower")} data-part>
                    {id !== undefined && stage > 3 ? <Following id={id}>{(model) => <TabStrip panels={panelsIn("lower")} value={lower} onChange={(tab) => setView({ lower: tab as LowerTab })} model={model} label={t("area.lower")} />}</Following> : <Awaited tabs />}
                  </section>
                </Panel>
              </>
            )}
          </Group>
        </Panel>
        {showRight && (
          <>
            <Separator className="separator separator-x" aria-label={t("area.resize-right")} />
            <Panel id="right" minSize="220px" defaultSize="21.5%" maxSize="45%" groupResizeBehavior="preserve-pixel-size">
              <aside className="area" aria-label={t("panel.inspector")} data-part>
                {id !== undefined && stage > 0 ? <Following id={inspected ?? id}>{(model) => <Shown panel={inspector!} model={model} />}</Following> : <Awaited />}
              </aside>
            </Panel>
          </>
        )}
      </Group>
      <section aria-label={t("panel.timeline")} data-part>
        {id !== undefined && stage > 1 ? <TimelinePlace id={id} panel={timeline!} /> : <div className="awaited awaited-timeline" />}
      </section>
    </main>
  );
});

/** One component from the outline to the model: the canvas stays. */
function GraphPlace({ id, opening }: { readonly id: ModelId | undefined; readonly opening: Opening | undefined }): ReactNode {
  const model = useStore((state) => (id === undefined ? undefined : state.models[id]));
  return model ? <GraphArea model={model} /> : opening ? <GraphArea opening={opening} /> : null;
}

function TimelinePlace({ id, panel }: { readonly id: ModelId; readonly panel: PanelOfWindow }): ReactNode {
  const model = useStore((state) => state.models[id]);
  return model && <Shown panel={panel} model={model} />;
}

/** While a key is held only the graph and the timeline follow each step; the panels in here come to the step where it rests. */
function Following({ id, children }: { readonly id: ModelId; readonly children: (model: ModelState) => ReactNode }): ReactNode {
  const latest = useStore((state) => state.models[id]);
  const rested = useRested(latest?.b, panelRest);
  const [shown, setShown] = useState(latest);
  // Whatever else changes is shown at once.
  const stepping = latest !== undefined && latest.timeline === shown?.timeline && latest.b !== shown.b && latest.b !== rested;
  if (latest && latest !== shown && !stepping) setShown(latest);
  // The same element for as long as the same is shown: React passes over it while steps go by.
  const drawn = useMemo(() => shown && children(shown), [shown, children]);
  return latest && drawn;
}

/** A little more than the time between two repetitions of a key. */
const panelRest = 70;

/** A value once it has stayed the same for a time. */
function useRested<T>(value: T, milliseconds: number): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    if (Object.is(value, rested)) return;
    let cancel = (): void => undefined;
    const timer = setTimeout(() => (cancel = whenReleased(() => startTransition(() => setRested(value)))), milliseconds);
    return () => {
      clearTimeout(timer);
      cancel();
    };
  }, [value, rested, milliseconds]);
  return rested;
}

/** Counts up to `last`, one paint at a time: what is mounted in stages blocks the window nowhere for long. */
function useStages(last: number, ready: boolean): number {
  const [stage, setStage] = useState(0);
  useEffect(() => {
    if (!ready || stage >= last) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const frame = requestAnimationFrame(() => (timer = setTimeout(() => startTransition(() => setStage(stage + 1)), 0)));
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }, [ready, stage, last]);
  return stage;
}

/** The place of a panel whose model is not there yet. */
function Awaited({ tabs = false }: { readonly tabs?: boolean }): ReactNode {
  return (
    <div className="awaited" aria-hidden>
      {tabs && <div className="awaited-tabs" />}
      {[70, 52, 84, 60, 40].map((width) => <span key={width} style={{ width: `${width}%` }} />)}
    </div>
  );
}

/** Title and menu of the window outside of the page. */
function useHostWindow(name: string | undefined, edited: boolean): void {
  useEffect(() => {
    services().host.setTitle(name === undefined ? "Graphwright" : `${edited ? "• " : ""}${name} — Graphwright`, edited);
  }, [name, edited]);
  useEffect(() => {
    const { host } = services();
    const stop = host.onMenuCommand((command) => runCommand(command));
    if (!host.setMenu) return stop;
    let sent = "";
    const update = (): void => {
      const menu = hostMenu(useStore.getState());
      const text = JSON.stringify(menu);
      if (text === sent) return;
      sent = text;
      void host.setMenu!(menu).catch(() => undefined);
    };
    update();
    const unsubscribe = useStore.subscribe(update);
    i18next.on("languageChanged", update);
    return () => {
      stop();
      unsubscribe();
      i18next.off("languageChanged", update);
    };
  }, []);
}

function useSettings(): void {
  const theme = useStore((state) => state.settings.theme);
  const language = useStore((state) => state.settings.language);
  useEffect(() => applyTheme(theme), [theme]);
  useEffect(() => {
    const resolved = resolveLanguage(language, navigator.languages);
    void i18next.changeLanguage(resolved);
    document.documentElement.lang = resolved;
  }, [language]);
}
