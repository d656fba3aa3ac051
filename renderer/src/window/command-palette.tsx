import { Command } from "cmdk";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { keysOf } from "../commands/bindings.ts";
import { menus } from "../commands/command.ts";
import { showChord } from "../commands/keys.ts";
import { commands, isEnabled, isOffered, runCommand } from "../commands/table.ts";
import { setView, useStore } from "../state/store.ts";

export function CommandPalette(): ReactNode {
  const { t } = useTranslation();
  const state = useStore();
  const [text, setText] = useState("");
  const close = (): void => setView({ dialog: null });
  return (
    <Command.Dialog open onOpenChange={(open) => !open && close()} label={t("palette.label")} className="palette" overlayClassName="overlay" contentClassName="palette-content" loop data-testid="palette">
      <Command.Input className="palette-input" placeholder={t("palette.placeholder")} value={text} onValueChange={setText} data-testid="palette-input" />
      {/* Beside the list: a listbox holds options alone. */}
      <Command.Empty className="palette-empty">{t("palette.empty")}</Command.Empty>
      <Command.List className="palette-list" label={t("palette.label")}>
        {menus.map((menu) => (
          <Command.Group key={menu} heading={t(`menu.${menu}`)}>
            {commands
              .filter((command) => command.menu === menu && command.id !== "view-palette" && (text === "" ? isEnabled(command, state) : isOffered(command, state)))
              .map((command) => (
                <Command.Item
                  key={command.id}
                  value={`${t(`command.${command.id}`)} ${command.id}`}
                  // Who looks for a command finds it, also where it cannot be given now.
                  disabled={!isEnabled(command, state)}
                  className="palette-item"
                  data-testid={`palette-${command.id}`}
                  onSelect={() => {
                    close();
                    setTimeout(() => runCommand(command.id), 0);
                  }}
                >
                  <span>{t(`command.${command.id}`)}</span>
                  {keysOf(command, state.settings.keys)[0] && <kbd>{showChord(keysOf(command, state.settings.keys)[0]!)}</kbd>}
                </Command.Item>
              ))}
          </Command.Group>
        ))}
      </Command.List>
    </Command.Dialog>
  );
}
