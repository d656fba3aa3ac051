import type { State } from "../state/store.ts";

export const menus = ["file", "edit", "view", "rewrite", "window", "help"] as const;
export type MenuName = (typeof menus)[number];

/** One thing a person can do: menu, palette, keys and the shortcut sheet all read this. */
export interface Command {
  /** "file.open"; its title is the text `command.<id>` */
  readonly id: CommandId;
  readonly menu: MenuName;
  /** commands of one section stand together, lines between sections */
  readonly section: number;
  /** "Mod" is Ctrl, or Command on a Mac: "Mod+Shift+Z" */
  readonly keys?: readonly string[];
  /** works while typing in a text field or an editor */
  readonly global?: boolean;
  /** absent commands are not offered at all (the host lacks the means) */
  readonly exists?: (state: State) => boolean;
  readonly enabled?: (state: State) => boolean;
  readonly checked?: (state: State) => boolean;
  /** gives the number of the key for commands with several keys: 1-9 */
  readonly run: (key?: string) => void | Promise<unknown>;
}

/** Ids are the keys of the English table's `command` section, without the dots that i18next would split at. */
export type CommandId = keyof (typeof import("../i18n/en.ts"))["en"]["command"];
