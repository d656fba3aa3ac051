import { useId, useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../design/button.tsx";
import { Dialog } from "../design/dialog.tsx";
import * as format from "../design/format.ts";
import { nameProblem } from "../state/export-model.ts";
import { differences, type Difference, type ModelReference } from "../state/project.ts";
import { setView, useStore, type LocateQuestion } from "../state/store.ts";
import { openLink, projectName, saveProject } from "../state/workspace.ts";

const close = (): void => setView({ dialog: null });

export function SaveDialog(): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const host = useStore((state) => state.host);
  const [name, setName] = useState(projectName);
  const problem = nameProblem(name);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (problem) return;
    close();
    void saveProject(name);
  };
  return (
    <Dialog
      title={t("project.save-title")}
      description={t("project.save-text")}
      onClose={close}
      testId="save-project"
      footer={
        <>
          <Button onClick={close}>{t("dialog.cancel")}</Button>
          <Button variant="primary" type="submit" form={id} disabled={problem !== undefined} data-testid="save-start">{t("project.save")}</Button>
        </>
      }
    >
      <form id={id} className="form" onSubmit={submit}>
        <div className="field">
          <label className="field-label" htmlFor={`${id}-name`}>{t("export.name")}</label>
          <input id={`${id}-name`} className="input" value={name} onChange={(event) => setName(event.target.value)} aria-invalid={problem !== undefined} aria-describedby={`${id}-problem`} autoFocus data-testid="save-name" />
          <p id={`${id}-problem`} className="field-problem" role="status">{problem ? t(`export.name-${problem}`) : ""}</p>
        </div>
        {host && !host.capabilities.dialogs && (
          <div className="field">
            <span className="field-label">{t("project.save-folder")}</span>
            <span className="mono faint wrap">{host.capabilities.exportsFolder}</span>
          </div>
        )}
      </form>
    </Dialog>
  );
}

export function LinkDialog(): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const [link, setLink] = useState("");
  const [none, setNone] = useState(false);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const at = link.indexOf("#");
    if (!/(^|#)p=[\w-]+\s*$/.test(link)) return setNone(true);
    close();
    await openLink(at < 0 ? link : link.slice(at));
  };
  return (
    <Dialog
      title={t("project.link-title")}
      description={t("project.link-text")}
      onClose={close}
      testId="open-link"
      footer={
        <>
          <Button onClick={close}>{t("dialog.cancel")}</Button>
          <Button variant="primary" type="submit" form={id} disabled={link.trim() === ""} data-testid="link-start">{t("project.link-open")}</Button>
        </>
      }
    >
      <form id={id} onSubmit={(event) => void submit(event)}>
        <textarea className="input note-text" rows={4} aria-label={t("project.link-label")} value={link} onChange={(event) => { setLink(event.target.value); setNone(false); }} aria-invalid={none} aria-describedby={`${id}-problem`} autoFocus spellCheck={false} data-testid="link-text" />
        <p id={`${id}-problem`} className="field-problem" role="status">{none ? t("project.link-none") : ""}</p>
      </form>
    </Dialog>
  );
}

/** A model of a project is not where it was, or not what it was. */
export function LocateDialog({ question }: { readonly question: LocateQuestion }): ReactNode {
  const { t } = useTranslation();
  const { expected, found, answer } = question;
  const rows = found ? differences(expected, found) : [];
  return (
    <Dialog
      title={t(found ? "project.other-title" : "project.missing-title", { name: found?.name ?? expected.name })}
      description={t(found ? "project.other-text" : "project.missing-text")}
      wide
      onClose={() => answer("skip")}
      testId="locate-model"
      footer={
        <>
          <Button onClick={() => answer("skip")} data-testid="locate-skip">{t("project.skip")}</Button>
          <span className="spacer" />
          {found && <Button onClick={() => answer("use")} data-testid="locate-use">{t("project.use-anyway")}</Button>}
          <Button variant="primary" onClick={() => answer("choose")} data-testid="locate-choose">{t("project.choose")}</Button>
        </>
      }
    >
      {found ? (
        <table className="differences">
          <thead><tr><td /><th scope="col">{t("project.expected")}</th><th scope="col">{t("project.found")}</th></tr></thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.what} data-testid="difference" data-what={row.what}>
                <th scope="row">{t(`project.what-${row.what}`)}</th>
                <td>{shown(row.what, row.expected)}</td>
                <td>{shown(row.what, row.found)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <Facts reference={expected} />
      )}
    </Dialog>
  );
}

const shown = (what: Difference["what"], value: string): string =>
  value === "" ? "—" : what === "size" ? `${format.bytes(Number(value))} (${format.count(Number(value))})` : what === "nodes" || what === "parameters" ? format.count(Number(value)) : what === "hash" ? `${value.slice(0, 16)}…` : value;

function Facts({ reference }: { readonly reference: ModelReference }): ReactNode {
  const { t } = useTranslation();
  const facts: readonly (readonly [string, string])[] = [
    [t("project.what-size"), shown("size", String(reference.size))],
    ...(reference.hash ? [[t("project.what-hash"), shown("hash", reference.hash.value)] as const] : []),
    [t("project.what-nodes"), format.count(reference.nodes)],
    [t("project.what-inputs"), reference.inputs.join(", ")],
    ...(reference.path === undefined ? [] : [[t("project.what-path"), reference.path] as const]),
  ];
  return (
    <dl className="pairs about">
      {facts.map(([label, value]) => (
        <div key={label}><dt>{label}</dt><dd className="mono wrap">{value}</dd></div>
      ))}
    </dl>
  );
}
