import { Tooltip } from "radix-ui";
import { startTransition, Suspense, useEffect, useState, type DragEvent, type MouseEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";
import { listenForKeys } from "../commands/keys.ts";
import { GraphArea } from "../panels/graph/graph-panel.tsx";
import { hostMenu } from "../commands/host-menu.ts";
import { runCommand } from "../commands/table.ts";
import { Loading } from "../design/states.tsx";
import { applyTheme } from "../design/theme.ts";
import { i18next, resolveLanguage } from "../i18n/index.ts";
import { panelsIn } from "../panels/index.ts";
import * as act from "../state/actions.ts";
import { watchLessons } from "../state/lesson.ts";
import { preferences } from "../state/preferences.ts";
import { services } from "../state/services.ts";
import { activeModel, isEdited, setView, useStore, type LeftTab, type LowerTab, type ModelState, type Opening } from "../state/store.ts";
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
  const model = useStore(activeModel);
  const opening = useStore((state) => state.opening);
  useEffect(listenForKeys, []);
  useEffect(watchLessons, []);
  useHostWindow(model);
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
    void act.openDropped([...event.dataTransfer.files]);
  };
  return (
    <Tooltip.Provider delayDuration={450} skipDelayDuration={200}>
      <div className="window" onDragEnter={onDrag} onDragOver={onDrag} onDrop={onDrop}>
        <a className="skip-link" href="#content" onClick={skipToContent}>{t(model ? "top.skip-to-graph" : "top.skip-to-content")}</a>
        <TopBar />
        <LostBar />
        <div className="stage">
          <LessonPane />
          <ErrorBoundary>
            {/* One key from the outline to the model: the canvas stays where it is. */}
            {opening ? <Workbench key={opening.key} opening={opening} /> : model ? <Workbench key={model.outline} model={model} /> : <Welcome />}
          </ErrorBoundary>
        </div>
        <StatusBar />
        <DropTarget />
        <Notices />
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

/** The panels of a model; while its file is being opened only the graph has something to show. */
function Workbench({ model, opening }: { readonly model?: ModelState; readonly opening?: Opening }): ReactNode {
  const { t } = useTranslation();
  const name = model?.name ?? opening!.name;
  const stage = useStages(4, model !== undefined);
  const { left, lower, showLeft, showRight, showLower } = useStore((state) => state.view);
  const columns = useDefaultLayout({ id: "columns", panelIds: [...(showLeft ? ["left"] : []), "center", ...(showRight ? ["right"] : [])], storage: preferences });
  const rows = useDefaultLayout({ id: "rows", panelIds: ["graph", ...(showLower ? ["lower"] : [])], storage: preferences });
  const [inspector] = panelsIn("right");
  const [timeline] = panelsIn("bottom");
  return (
    <main className="workbench" id="content" tabIndex={-1} aria-label={name} aria-busy={model === undefined}>
      <h1 className="unseen">{name}</h1>
      <Group orientation="horizontal" className="columns" id="columns" defaultLayout={columns.defaultLayout} onLayoutChanged={columns.onLayoutChanged}>
        {showLeft && (
          <>
            <Panel id="left" minSize="220px" defaultSize="20%" maxSize="45%" groupResizeBehavior="preserve-pixel-size">
              <aside className="area" aria-label={t("area.left")} data-part>
                {model && stage > 2 ? <TabStrip panels={panelsIn("left")} value={left} onChange={(tab) => setView({ left: tab as LeftTab })} model={model} label={t("area.left")} /> : <Awaited tabs />}
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
                    <GraphArea {...(model ? { model } : { opening: opening! })} />
                  </Suspense>
                </ErrorBoundary>
              </div>
            </Panel>
            {showLower && (
              <>
                <Separator className="separator separator-y" aria-label={t("area.resize-lower")} />
                <Panel id="lower" minSize="90px" defaultSize="36%">
                  <section className="area" aria-label={t("area.lower")} data-part>
                    {model && stage > 3 ? <TabStrip panels={panelsIn("lower")} value={lower} onChange={(tab) => setView({ lower: tab as LowerTab })} model={model} label={t("area.lower")} /> : <Awaited tabs />}
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
                {model && stage > 0 ? <Shown panel={inspector!} model={model} /> : <Awaited />}
              </aside>
            </Panel>
          </>
        )}
      </Group>
      <section aria-label={t("panel.timeline")} data-part>
        {model && stage > 1 ? <Shown panel={timeline!} model={model} /> : <div className="awaited awaited-timeline" />}
      </section>
    </main>
  );
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
function useHostWindow(model: ModelState | undefined): void {
  const edited = model !== undefined && isEdited(model);
  const name = model?.name;
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
