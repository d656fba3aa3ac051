import { useId, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { CommandId } from "../commands/command.ts";
import { Dialog } from "../design/dialog.tsx";
import { Segmented } from "../design/segmented.tsx";
import { languages } from "../i18n/index.ts";
import * as act from "../state/actions.ts";
import { setView, useStore } from "../state/store.ts";
import { KeysSettings } from "./keys-settings.tsx";

export function SettingsDialog({ part = "general" }: { readonly part?: "general" | "keys" }): ReactNode {
  const { t } = useTranslation();
  const settings = useStore((state) => state.settings);
  const [shown, setShown] = useState(part);
  const [recording, setRecording] = useState<CommandId | null>(null);
  return (
    <Dialog title={t("settings.title")} wide={shown === "keys"} onClose={() => setView({ dialog: null })} onEscape={(event) => recording !== null && event.preventDefault()} testId="settings">
      <div className="settings-parts">
        <Segmented label={t("settings.title")} value={shown} options={[{ value: "general" as const, label: t("settings.general") }, { value: "keys" as const, label: t("keys.title") }]} onChange={setShown} testId="settings-part" />
      </div>
      {shown === "keys" && <KeysSettings recording={recording} onRecord={setRecording} />}
      {shown === "general" && <div className="form">
        <div className="field">
          <span className="field-label">{t("settings.theme")}</span>
          <Segmented
            label={t("settings.theme")}
            value={settings.theme}
            options={(["system", "light", "dark", "high-contrast"] as const).map((value) => ({ value, label: t(`settings.theme-${value}`) }))}
            onChange={(theme) => act.changeSettings({ theme })}
            testId="theme"
          />
        </div>
        <div className="field">
          <span className="field-label">{t("settings.language")}</span>
          <Segmented
            label={t("settings.language")}
            value={settings.language}
            options={[{ value: "system" as const, label: t("settings.language-system") }, ...(["en", "zh-CN"] as const).map((value) => ({ value, label: languages[value].name }))]}
            onChange={(language) => act.changeSettings({ language })}
            testId="language-choice"
          />
        </div>
        <fieldset className="field">
          <legend className="field-label">{t("settings.checks")}</legend>
          <Check label={t("settings.check-rewrites")} hint={t("settings.check-rewrites-hint")} checked={settings.checkRewrites} onChange={(checkRewrites) => act.changeSettings({ checkRewrites })} />
          <Check label={t("settings.check-pipelines")} hint={t("settings.check-pipelines-hint")} checked={settings.checkPipelines} onChange={(checkPipelines) => act.changeSettings({ checkPipelines })} />
        </fieldset>
      </div>}
    </Dialog>
  );
}

function Check({ label, hint, checked, onChange }: { readonly label: string; readonly hint: string; readonly checked: boolean; readonly onChange: (checked: boolean) => void }): ReactNode {
  const id = useId();
  return (
    <div className="check-field">
      <input id={id} type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} aria-describedby={`${id}-hint`} />
      <label htmlFor={id}>{label}</label>
      <p id={`${id}-hint`} className="faint">{hint}</p>
    </div>
  );
}
