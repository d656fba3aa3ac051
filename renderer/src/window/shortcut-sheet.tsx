import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { keysOf } from "../commands/bindings.ts";
import { menus } from "../commands/command.ts";
import { showChord } from "../commands/keys.ts";
import { commands, isOffered } from "../commands/table.ts";
import { Button } from "../design/button.tsx";
import { Dialog } from "../design/dialog.tsx";
import { setView, useStore } from "../state/store.ts";

export function ShortcutSheet(): ReactNode {
  const { t } = useTranslation();
  const state = useStore();
  return (
    <Dialog title={t("shortcuts.title")} wide reading onClose={() => setView({ dialog: null })} testId="shortcuts" footer={<Button small onClick={() => setView({ dialog: "keys" })} data-testid="change-keys">{t("keys.change-all")}</Button>}>
      <div className="shortcut-groups">
        {menus.map((menu) => {
          const rows = commands.filter((command) => command.menu === menu && isOffered(command, state)).map((command) => ({ command, keys: keysOf(command, state.settings.keys) })).filter(({ keys }) => keys.length > 0);
          return (
            <section key={menu}>
              <h3 className="list-title">{t(`menu.${menu}`)}</h3>
              <dl>
                {rows.map(({ command, keys }) => (
                  <div key={command.id}>
                    <dt>{t(`command.${command.id}`)}</dt>
                    <dd>
                      {keys.length > 5 ? <kbd>{`${keys[0]} – ${keys.at(-1)}`}</kbd> : keys.map((key) => <kbd key={key}>{showChord(key)}</kbd>)}
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          );
        })}
      </div>
    </Dialog>
  );
}
