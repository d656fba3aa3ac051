/** The way to the shown step as a file, and replaying such a file: on this model, or on another one. */
import type { RecipeFailure } from "@graphwright/compiler-core";
import { ClipboardPaste, Copy, FileUp, Save, ScrollText } from "lucide-react";
import { useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "../../design/button.tsx";
import { withoutOutputSuffix } from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { Preconditions } from "../../design/preconditions.tsx";
import { useRoving } from "../../design/roving.ts";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { query } from "../../state/query.ts";
import { recipeText, replayRecipe, saveRecipe } from "../../state/recipe.ts";
import { depthOf, pathTo, stepOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import { useModelTools } from "../../state/tools.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./recipe.css";

const listed = 400;

function RecipePanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const file = useRef<HTMLInputElement>(null);
  const [pasting, setPasting] = useState(false);
  const [text, setText] = useState("");
  const [check, setCheck] = useState(false);
  const { replayed } = useModelTools(model.id);
  const busy = model.changing !== null;
  const list = useRoving<HTMLOListElement>("list");
  const path = pathTo(model.timeline, model.b).slice(1);
  const titleOf = (rewrite: string): string => catalog?.rewrites.find((each) => each.name === rewrite)?.title ?? rewrite;
  const copy = async (): Promise<void> => {
    const made = await recipeText(model.id);
    if (made) await act.copyText(made.text);
  };
  return (
    <div className="recipe" data-testid="recipe-panel">
      <div className="recipe-bar">
        <Button small disabled={path.length === 0 || busy} onClick={() => void saveRecipe(model.id)} data-testid="save-recipe"><Save size={12} aria-hidden /> {t("recipe.save")}</Button>
        <IconButton label={t("recipe.copy")} className="small" disabled={path.length === 0 || busy} onClick={() => void copy()} data-testid="copy-recipe"><Copy size={13} /></IconButton>
        <span className="spacer" />
        <input ref={file} type="file" accept=".json,application/json" hidden data-testid="recipe-file" onChange={(event) => {
          const chosen = event.target.files?.[0];
          event.target.value = "";
          if (chosen) void chosen.text().then((content) => replayRecipe(model.id, chosen.name, content, check));
        }} />
        <Button small disabled={busy} onClick={() => file.current?.click()} data-testid="load-recipe"><FileUp size={12} aria-hidden /> {t("recipe.load")}</Button>
        <IconButton label={t("recipe.paste")} className="small" pressed={pasting} onClick={() => setPasting(!pasting)} data-testid="paste-recipe"><ClipboardPaste size={13} /></IconButton>
      </div>
      {pasting && (
        <form className="recipe-paste" onSubmit={(event) => { event.preventDefault(); void replayRecipe(model.id, t("recipe.pasted"), text, check); }}>
          <textarea className="input mono" value={text} onChange={(event) => setText(event.target.value)} placeholder={t("recipe.paste-here")} aria-label={t("recipe.paste-here")} rows={6} spellCheck={false} data-testid="recipe-text" />
          <Button small variant="primary" type="submit" disabled={text.trim() === "" || busy} data-testid="replay-recipe">{t("recipe.replay")}</Button>
        </form>
      )}
      <label className="check-line recipe-check"><input type="checkbox" checked={check} onChange={(event) => setCheck(event.target.checked)} />{t("recipe.check")}</label>
      <div className="scroll">
        {replayed && (
          <section aria-label={t("recipe.result")} data-testid="replay-result">
            <h2 className="list-title"><Name>{t("recipe.result-of", { name: replayed.name })}</Name></h2>
            <p className="recipe-note">{t("recipe.applied", { count: replayed.applied })} {replayed.failed.length === 0 ? t("recipe.all-matched") : t("recipe.failed", { count: replayed.failed.length })}</p>
            <ul className="pass-list">
              {replayed.failed.slice(0, listed).map((failure) => <FailedStep key={failure.index} model={model} failure={failure} title={titleOf(failure.rewrite)} />)}
            </ul>
          </section>
        )}
        <h2 className="list-title">{t("recipe.steps", { count: path.length })}</h2>
        {path.length === 0 && <p className="list-empty">{t("recipe.empty")}</p>}
        <ol ref={list} className="recipe-steps">
          {path.slice(0, listed).map((id) => {
            const step = stepOf(model.timeline, id)!;
            return (
              <li key={id}>
                <button type="button" data-row className="row-button" aria-current={model.b === id ? "step" : undefined} onClick={() => act.goTo(model.id, id)} title={`${titleOf(step.rewrite)}\n${step.site}`} data-testid="recipe-step">
                  <span className="num faint recipe-number">{depthOf(model.timeline, id)}</span>
                  <span className="recipe-rewrite">{titleOf(step.rewrite)}</span>
                  <Name mono className="faint">{withoutOutputSuffix(step.site)}</Name>
                </button>
              </li>
            );
          })}
        </ol>
        {path.length > listed && <p className="list-empty">{t("rewrites.more", { count: path.length - listed })}</p>}
      </div>
    </div>
  );
}

/** A step of a recipe that was not applied: where, and which condition did not hold. */
function FailedStep({ model, failure, title }: { readonly model: ModelState; readonly failure: RecipeFailure; readonly title: string }): ReactNode {
  const rewrite = useStore((state) => state.catalog?.rewrites.find((each) => each.name === failure.rewrite));
  const show = async (): Promise<void> => {
    const { nodes } = await query("graph", { model: model.id, step: model.b });
    const found = nodes.find((node) => node.name === failure.site || node.outputs.some((output) => output.name === failure.site));
    if (!found) return;
    act.select(model.id, [found.id]);
    canvas.current?.reveal([found.id]);
  };
  return (
    <li className="recipe-failed" data-testid="failed-step">
      <button type="button" className="row-button" onClick={() => void show()} title={failure.site}>
        <span className="dot dot-failed" aria-hidden />
        <span className="recipe-rewrite">{failure.index + 1}. {title}</span>
        <Name mono className="faint">{withoutOutputSuffix(failure.site)}</Name>
      </button>
      {failure.preconditions.length > 0 ? (
        <Preconditions results={failure.preconditions} infos={rewrite?.preconditions ?? []} brief onNodes={(nodes) => { act.select(model.id, nodes); canvas.current?.reveal(nodes); }} />
      ) : (
        <p className="recipe-reason">{failure.reason}</p>
      )}
    </li>
  );
}

export const recipePanel = { id: "recipe", area: "left", icon: ScrollText, component: RecipePanel } as const satisfies Panel;
