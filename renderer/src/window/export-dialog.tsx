import { CircleAlert, CircleCheck, Copy, FolderOpen, Hammer } from "lucide-react";
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "../design/button.tsx";
import { DiagnosticView } from "../design/diagnostic.tsx";
import { Dialog } from "../design/dialog.tsx";
import * as format from "../design/format.ts";
import { Name } from "../design/name.tsx";
import { hostCode, type ChosenFolder, type ToolchainEvent, type ToolchainResult } from "../host/host.ts";
import * as act from "../state/actions.ts";
import { exportModel, exportName, nameProblem, selfTest, type ExportFormat, type ExportResult } from "../state/export-model.ts";
import { log } from "../state/notices.ts";
import { messageIn } from "../i18n/compiler.ts";
import { services } from "../state/services.ts";
import { positionOf, stepOf } from "../state/steps.ts";
import { setView, useStore, type ModelState } from "../state/store.ts";
import { tuningFor } from "../state/tune-model.ts";
import { diagnosticOf, isCancelled, type Progress } from "../worker/rpc.ts";

type Phase =
  | { readonly kind: "form"; readonly error?: unknown; readonly exists?: boolean }
  | { readonly kind: "working"; readonly stage: "build" | "write"; readonly progress: Progress; readonly cancelling?: boolean }
  | { readonly kind: "done"; readonly result: ExportResult };

export function ExportDialog({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const [target, setTarget] = useState<ExportFormat>("bundle");
  const [tuned, setTuned] = useState(true);
  const [strict, setStrict] = useState(false);
  const [name, setName] = useState(() => exportName(model.name));
  const [folder, setFolder] = useState<ChosenFolder>();
  const [sizes, setSizes] = useState<readonly SizeBound[]>([]);
  const [phase, setPhase] = useState<Phase>({ kind: "form" });
  const controller = useRef<AbortController>(null);
  const close = (): void => setView({ dialog: null });
  useEffect(() => () => controller.current?.abort(), []);
  useEffect(() => {
    let current = true;
    void services().session.sizes({ model: model.id, step: model.b }).then((found) => {
      if (current) setSizes(found.sizes.map(({ name: size, batch }) => ({ name: size, bound: batch ? "8" : "128" })));
    }, (error: unknown) => log(model.id, [diagnosticOf(error)]));
    return () => void (current = false);
  }, [model.id, model.b]);

  const run = async (overwrite: boolean): Promise<void> => {
    controller.current = new AbortController();
    setPhase({ kind: "working", stage: "build", progress: { fraction: undefined, label: "" } });
    try {
      const result = await exportModel(
        model.id,
        { format: target, name, overwrite, tuned, strict, ...(folder && { folder }), max: Object.fromEntries(sizes.map((s) => [s.name, Number(s.bound)])) },
        { signal: controller.current.signal, onProgress: (stage, progress) => setPhase((before) => (before.kind === "working" ? { ...before, stage, progress } : before)) },
      );
      setPhase(result ? { kind: "done", result } : { kind: "form" });
    } catch (error) {
      if (isCancelled(error) || hostCode(error) === "cancelled") return setPhase({ kind: "form" });
      if (hostCode(error) === "exists") return setPhase({ kind: "form", exists: true });
      log(model.id, [diagnosticOf(error)]);
      setPhase({ kind: "form", error });
    }
  };
  const cancel = (): void => {
    controller.current?.abort();
    setPhase((before) => (before.kind === "working" ? { ...before, cancelling: true } : before));
  };

  const problem = nameProblem(name);
  const blocked = problem !== undefined || (target !== "onnx" && sizes.some((s) => !isBound(s.bound)));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!blocked && phase.kind === "form") void run(phase.exists ?? false);
  };
  const title = phase.kind === "done" ? t("export.done") : t("export.title", { name: model.name });
  const formId = useId();
  return (
    <Dialog
      title={title}
      wide
      locked={phase.kind === "working"}
      onClose={close}
      testId="export-dialog"
      footer={
        phase.kind === "form" ? (
          <>
            <Button onClick={close}>{t("dialog.cancel")}</Button>
            <Button variant={phase.exists ? "danger" : "primary"} type="submit" form={formId} disabled={blocked} data-testid="export-start">
              {phase.exists ? t("export.replace") : t("export.start")}
            </Button>
          </>
        ) : phase.kind === "working" ? (
          <Button onClick={cancel} disabled={phase.cancelling} data-testid="export-cancel">{phase.cancelling ? t("status.cancelling") : t("dialog.cancel")}</Button>
        ) : (
          <Button variant="primary" onClick={close} data-testid="export-close">{t("dialog.close")}</Button>
        )
      }
    >
      {phase.kind === "form" && (
        <form id={formId} className="form" onSubmit={submit}>
          <ExportForm model={model} target={target} onTarget={setTarget} name={name} onName={(next) => { setName(next); setPhase({ kind: "form" }); }} problem={problem} folder={folder} onFolder={setFolder} tuned={tuned} onTuned={setTuned} strict={strict} onStrict={setStrict} sizes={sizes} onSizes={(next) => { setSizes(next); setPhase({ kind: "form" }); }} />
          {phase.exists && <p className="form-message form-warning" role="alert" data-testid="export-exists"><CircleAlert size={14} aria-hidden /> {t("export.exists", { name })}</p>}
          {phase.error !== undefined && (
            <div className="form-message form-error" role="alert" data-testid="export-error">
              <CircleAlert size={14} aria-hidden />
              <DiagnosticView diagnostic={diagnosticOf(phase.error)} />
            </div>
          )}
        </form>
      )}
      {phase.kind === "working" && (
        <div className="working" role="status">
          <p>{t(`export.stage-${phase.stage}`)}</p>
          <span className="progress progress-large" role="progressbar" aria-label={t(`export.stage-${phase.stage}`)} aria-valuemin={0} aria-valuemax={100} {...(phase.progress.fraction === undefined ? {} : { "aria-valuenow": Math.round(phase.progress.fraction * 100) })}>
            <span className={phase.progress.fraction === undefined ? "progress-unknown" : ""} style={phase.progress.fraction === undefined ? undefined : { width: `${phase.progress.fraction * 100}%` }} />
          </span>
          <p className="faint working-label">{phase.progress.label || "\u00a0"}</p>
        </div>
      )}
      {phase.kind === "done" && <ExportDone result={phase.result} />}
    </Dialog>
  );
}

/** A symbolic size of the model's inputs, and what stands in its field. */
interface SizeBound {
  readonly name: string;
  readonly bound: string;
}

const isBound = (text: string): boolean => /^[1-9]\d{0,6}$/.test(text);

interface FormProps {
  readonly model: ModelState;
  readonly target: ExportFormat;
  readonly onTarget: (target: ExportFormat) => void;
  readonly name: string;
  readonly onName: (name: string) => void;
  readonly problem: ReturnType<typeof nameProblem>;
  readonly folder: ChosenFolder | undefined;
  readonly onFolder: (folder: ChosenFolder) => void;
  readonly sizes: readonly SizeBound[];
  readonly onSizes: (sizes: readonly SizeBound[]) => void;
  readonly tuned: boolean;
  readonly onTuned: (tuned: boolean) => void;
  readonly strict: boolean;
  readonly onStrict: (strict: boolean) => void;
}

const contents = {
  bundle: ["sources", "weights", "plan", "selftest", "readme"],
  wasm: ["modules", "weights", "plan", "vectors", "readme"],
  onnx: ["model"],
} as const;

function ExportForm({ model, target, onTarget, name, onName, problem, folder, onFolder, tuned, onTuned, strict, onStrict, sizes, onSizes }: FormProps): ReactNode {
  const { t } = useTranslation();
  const nameId = useId();
  const host = useStore((state) => state.host);
  const { chooseFolder } = services().host;
  const step = stepOf(model.timeline, model.b);
  const measured = tuningFor(model.id, model.b)?.entries.filter((entry) => entry.chosen > 0).length;
  const destination = folder?.path ?? host?.capabilities.exportsFolder ?? "—";
  return (
    <>
      <fieldset className="field">
        <legend className="field-label">{t("export.format")}</legend>
        <div className="choices">
          {(["bundle", "wasm", "onnx"] as const).map((value) => (
            <label key={value} className="choice" data-chosen={target === value}>
              <input type="radio" name="format" value={value} checked={target === value} onChange={() => onTarget(value)} data-testid={`export-${value}`} />
              <span>
                <strong>{t(`export.${value}`)}</strong>
                <span className="faint">{t(`export.${value}-text`)}</span>
              </span>
            </label>
          ))}
        </div>
      </fieldset>
      <div className="field">
        <label className="field-label" htmlFor={nameId}>{t("export.name")}</label>
        <input id={nameId} className="input" value={name} onChange={(event) => onName(event.target.value)} aria-invalid={problem !== undefined} aria-describedby={`${nameId}-problem`} spellCheck={false} data-testid="export-name" />
        <p id={`${nameId}-problem`} className="field-problem">{problem && t(`export.name-${problem}`)}</p>
      </div>
      {target !== "onnx" && sizes.length > 0 && (
        <fieldset className="field">
          <legend className="field-label">{t("export.sizes")}</legend>
          <div>
            <div className="size-bounds">
              {sizes.map((size, i) => (
                <label key={size.name} className="size-bound">
                  <Name mono>{size.name}</Name>
                  <span className="faint">≤</span>
                  <input className="input num" inputMode="numeric" value={size.bound} aria-invalid={!isBound(size.bound)} onChange={(event) => onSizes(sizes.map((s, k) => (k === i ? { ...s, bound: event.target.value.trim() } : s)))} data-testid="export-size" data-size={size.name} />
                </label>
              ))}
            </div>
            <p className={sizes.every((s) => isBound(s.bound)) ? "faint size-note" : "field-problem size-note"}>{t(sizes.every((s) => isBound(s.bound)) ? "export.sizes-text" : "export.sizes-problem")}</p>
          </div>
        </fieldset>
      )}
      <div className="field">
        <span className="field-label">{t("export.destination")}</span>
        <div className="destination">
          <Name mono className="destination-path">{target === "onnx" ? `${destination}/${name}.onnx` : `${destination}/${name}`}</Name>
          {chooseFolder && target !== "onnx" && (
            <Button small onClick={() => void chooseFolder().then((chosen) => chosen && onFolder(chosen))}>
              <FolderOpen size={13} aria-hidden /> {t("export.choose")}
            </Button>
          )}
        </div>
      </div>
      {target !== "onnx" && (
        <div className="field">
          <span className="field-label">{t("export.rounding")}</span>
          <div>
            <label className="export-tuned"><input type="checkbox" checked={strict} onChange={(event) => onStrict(event.target.checked)} data-testid="export-strict" /> {t("export.strict")}</label>
            <p className="faint size-note">{t("export.strict-text")}</p>
          </div>
        </div>
      )}
      {target === "bundle" && measured !== undefined && (
        <div className="field">
          <span className="field-label">{t("panel.tuning")}</span>
          <div>
            <label className="export-tuned"><input type="checkbox" checked={tuned && sizes.length === 0} disabled={sizes.length > 0} onChange={(event) => onTuned(event.target.checked)} data-testid="export-tuned" /> {t("tuning.export", { count: measured })}</label>
            {sizes.length > 0 && <p className="faint size-note">{t("tuning.export-sized")}</p>}
          </div>
        </div>
      )}
      <div className="field">
        <span className="field-label">{t("export.contents")}</span>
        <div>
          <p className="contents-step num">{t("export.step", { step: positionOf(model.timeline, model.b), nodes: step?.cost.nodes ?? 0, weights: format.bytes(step?.cost.weightBytes ?? 0) })}</p>
          <ul className="contents">
            {contents[target].map((item) => (
              <li key={item}>{t(`export.has-${item}`)}</li>
            ))}
          </ul>
        </div>
      </div>
    </>
  );
}

function ExportDone({ result }: { readonly result: ExportResult }): ReactNode {
  const { t, i18n } = useTranslation();
  const toolchain = useStore((state) => state.host?.capabilities.toolchain);
  const { showInFolder } = services().host;
  const { memory, bundle } = result;
  const total = result.files.reduce((sum, file) => sum + file.bytes, 0);
  return (
    <div className="export-done" data-testid="export-result" data-path={result.path}>
      <p className="export-path">
        <CircleCheck size={15} aria-hidden className="good" />
        <Name mono>{result.path}</Name>
        <IconButton label={t("export.copy-path")} className="small" onClick={() => void act.copyText(result.path)}><Copy size={13} /></IconButton>
        {showInFolder && bundle && <Button small onClick={() => void showInFolder(bundle.id)}>{t("export.show")}</Button>}
      </p>
      {memory && (
        <dl className="figures">
          <div><dt>{t("export.arena")}</dt><dd className="num" data-testid="arena-bytes">{format.bytes(memory.arenaBytes)}</dd></div>
          <div><dt>{t("export.lower-bound")}</dt><dd className="num">{format.bytes(memory.lowerBoundBytes)}{memory.arenaBytes === memory.lowerBoundBytes ? ` (${t("export.optimal")})` : ""}</dd></div>
          <div><dt>{t("cost.weights")}</dt><dd className="num">{format.bytes(memory.weightBytes)}</dd></div>
        </dl>
      )}
      {result.notes.length > 0 && <ul className="notes">{result.notes.map((note) => <li key={note}>{messageIn(note, i18n.language)}</li>)}</ul>}
      {bundle && (toolchain ? <SelfTest result={result} /> : <p className="faint">{t("export.no-toolchain")}</p>)}
      <details className="files-list" open={!bundle || !toolchain}>
        <summary>{t("export.files", { count: result.files.length, bytes: format.bytes(total) })}</summary>
        <table className="files">
          <tbody>
            {result.files.map((file) => (
              <tr key={file.path}><td><Name mono>{file.path}</Name></td><td className="num">{format.bytes(file.bytes)}</td></tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}

interface OutputLine {
  readonly kind: "command" | "stdout" | "stderr" | "exit";
  readonly text: string;
}

function lineOf(event: ToolchainEvent): OutputLine | undefined {
  switch (event.type) {
    case "command":
      return { kind: "command", text: `$ ${event.command}\n` };
    case "output":
      return { kind: event.stream, text: event.text };
    case "exit":
      return event.code === 0 ? undefined : { kind: "exit", text: `${event.command}: ${event.signal ?? event.code}\n` };
    default:
      return undefined;
  }
}

/** Compiles the bundle and runs its self-test, showing what the tools print as they print it. */
function SelfTest({ result }: { readonly result: ExportResult }): ReactNode {
  const { t } = useTranslation();
  const toolchain = useStore((state) => state.host?.capabilities.toolchain);
  const [lines, setLines] = useState<readonly OutputLine[]>([]);
  const [running, setRunning] = useState(false);
  const [outcome, setOutcome] = useState<ToolchainResult>();
  const controller = useRef<AbortController>(null);
  const output = useRef<HTMLPreElement>(null);
  useEffect(() => () => controller.current?.abort(), []);
  useEffect(() => {
    if (output.current) output.current.scrollTop = output.current.scrollHeight;
  }, [lines]);
  const run = async (): Promise<void> => {
    controller.current = new AbortController();
    setLines([]);
    setOutcome(undefined);
    setRunning(true);
    try {
      const add = (event: ToolchainEvent): void => {
        const line = lineOf(event);
        if (line) setLines((before) => [...before, line].slice(-2000));
      };
      setOutcome(await selfTest(result.bundle!, add, controller.current.signal));
    } catch (error) {
      setOutcome({ ok: false, cancelled: isCancelled(error), message: format.shortError(error) });
    } finally {
      setRunning(false);
    }
  };
  return (
    <section className="self-test" aria-label={t("export.self-test")}>
      <div className="self-test-bar">
        <Button onClick={() => void run()} disabled={running} data-testid="self-test">
          <Hammer size={13} aria-hidden /> {t("export.self-test")}
        </Button>
        <span className="faint">{toolchain?.version}</span>
        <span className="spacer" />
        {running && <Button small onClick={() => controller.current?.abort()}>{t("dialog.cancel")}</Button>}
        {outcome && (
          <span className={`outcome ${outcome.ok ? "good" : "bad"}`} role="status" data-testid="self-test-result" data-ok={outcome.ok}>
            {outcome.ok ? <CircleCheck size={14} aria-hidden /> : <CircleAlert size={14} aria-hidden />} {outcome.message}
          </span>
        )}
      </div>
      {lines.length > 0 && (
        <pre ref={output} className="tool-output" tabIndex={0} aria-label={t("export.output")} data-testid="tool-output">
          {lines.map((line, index) => <span key={index} className={`out-${line.kind}`}>{line.text}</span>)}
        </pre>
      )}
    </section>
  );
}
