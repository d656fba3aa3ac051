import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { menus } from "../commands/command.ts";
import { showChord } from "../commands/keys.ts";
import { commands, isOffered } from "../commands/table.ts";
import { Dialog } from "../design/dialog.tsx";
import { setView, useStore } from "../state/store.ts";

export function ShortcutSheet(): ReactNode {
  const { t } = useTranslation();
  const state = useStore();
  return (
    <Dialog title={t("shortcuts.title")} wide reading onClose={() => setView({ dialog: null })} testId="shortcuts">
      <div className="shortcut-groups">
        {menus.map((menu) => {
          const rows = commands.filter((command) => command.menu === menu && command.keys && isOffered(command, state));
          return (
            <section key={menu}>
              <h3 className="list-title">{t(`menu.${menu}`)}</h3>
              <dl>
                {rows.map((command) => (
                  <div key={command.id}>
                    <dt>{t(`command.${command.id}`)}</dt>
                    <dd>
                      {command.keys!.length > 5 ? <kbd>{`${command.keys![0]} – ${command.keys!.at(-1)}`}</kbd> : command.keys!.map((key) => <kbd key={key}>{showChord(key)}</kbd>)}
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
