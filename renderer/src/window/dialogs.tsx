import type { ReactNode } from "react";
import { activeModel, useStore } from "../state/store.ts";
import { AboutDialog } from "./about-dialog.tsx";
import { CommandPalette } from "./command-palette.tsx";
import { CompareDialog } from "./compare-dialog.tsx";
import { ExportDialog } from "./export-dialog.tsx";
import { PictureDialog } from "./picture-dialog.tsx";
import { SearchDialog } from "./search-dialog.tsx";
import { SettingsDialog } from "./settings-dialog.tsx";
import { LinkDialog, LocateDialog, SaveDialog } from "./project-dialogs.tsx";
import { ShortcutSheet } from "./shortcut-sheet.tsx";

/** The dialog that is open, if any. */
export function Dialogs(): ReactNode {
  const question = useStore((state) => state.question);
  const dialog = useStore((state) => state.view.dialog);
  const model = useStore(activeModel);
  if (question) return <LocateDialog key={`${question.expected.name}/${question.found?.name ?? ""}`} question={question} />;
  switch (dialog) {
    case null:
      return null;
    case "palette":
      return <CommandPalette />;
    case "search":
      return model ? <SearchDialog model={model} /> : null;
    case "picture":
      return model ? <PictureDialog model={model} /> : null;
    case "compare":
      return model ? <CompareDialog model={model} /> : null;
    case "shortcuts":
      return <ShortcutSheet />;
    case "settings":
      return <SettingsDialog key="general" />;
    case "keys":
      return <SettingsDialog key="keys" part="keys" />;
    case "save":
      return <SaveDialog />;
    case "link":
      return <LinkDialog />;
    case "about":
      return <AboutDialog />;
    case "export":
      return model ? <ExportDialog key={model.id} model={model} /> : null;
  }
}
