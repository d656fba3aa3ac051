/** The command table as the operating system's menu bar. */
import type { MenuEntry, MenuSection } from "../host/host.ts";
import { i18next } from "../i18n/index.ts";
import type { State } from "../state/store.ts";
import { keysOf } from "./bindings.ts";
import { menus, type Command, type MenuName } from "./command.ts";
import { accelerator } from "./keys.ts";
import { commands, isEnabled, isOffered } from "./table.ts";

/** Commands of a menu by section, in table order. */
export function sectionsOf(menu: MenuName, state: State): readonly (readonly Command[])[] {
  const sections = new Map<number, Command[]>();
  for (const command of commands) {
    if (command.menu !== menu || !isOffered(command, state)) continue;
    const section = sections.get(command.section);
    if (section) section.push(command);
    else sections.set(command.section, [command]);
  }
  return [...sections.values()];
}

const acceleratorOf = (key: string | undefined): { readonly accelerator?: string } => (key !== undefined && key.length > 1 && key.includes("+") ? { accelerator: accelerator(key) } : {});

export function hostMenu(state: State): readonly MenuSection[] {
  return menus.map((menu) => ({
    label: i18next.t(`menu.${menu}`),
    entries: sectionsOf(menu, state).flatMap((section, index): MenuEntry[] => [
      ...(index > 0 ? [{ type: "separator" } as const] : []),
      ...section.map((command): MenuEntry => ({
        type: "command",
        command: command.id,
        label: i18next.t(`command.${command.id}`),
        // Keys without a modifier belong to the page: a menu would take them away from text fields.
        ...acceleratorOf(keysOf(command, state.settings.keys)[0]),
        enabled: isEnabled(command, state),
        ...(command.checked ? { checked: command.checked(state) } : {}),
      })),
    ]),
  }));
}
