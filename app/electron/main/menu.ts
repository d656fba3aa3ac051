/** The menu bar. A small one until the window sends its own, made from its command table. */
import { app, Menu, type MenuItemConstructorOptions } from "electron";
import type { MenuEntry, MenuSection } from "../../shared/host-protocol.ts";

const openCommand = "open-file";

export const initialMenu: readonly MenuSection[] = [
  {
    label: "File",
    entries: [
      { type: "command", command: openCommand, label: "Open…", accelerator: "CmdOrCtrl+O" },
      { type: "separator" },
      { type: "role", role: "close" },
    ],
  },
  {
    label: "Edit",
    entries: [
      { type: "role", role: "cut" },
      { type: "role", role: "copy" },
      { type: "role", role: "paste" },
      { type: "role", role: "selectAll" },
    ],
  },
  {
    label: "View",
    entries: [
      { type: "role", role: "resetZoom" },
      { type: "role", role: "zoomIn" },
      { type: "role", role: "zoomOut" },
      { type: "separator" },
      { type: "role", role: "togglefullscreen" },
      { type: "role", role: "toggleDevTools" },
    ],
  },
  { label: "Help", entries: [{ type: "role", role: "about" }] },
];

export function installMenu(sections: readonly MenuSection[], choose: (command: string) => void): void {
  const item = (entry: MenuEntry): MenuItemConstructorOptions => {
    switch (entry.type) {
      case "separator":
        return { type: "separator" };
      case "role":
        return { role: entry.role, ...(entry.label !== undefined && { label: entry.label }) };
      case "command":
        return {
          id: entry.command,
          label: entry.label,
          click: () => choose(entry.command),
          enabled: entry.enabled ?? true,
          ...(entry.accelerator !== undefined && { accelerator: entry.accelerator }),
          ...(entry.checked !== undefined && { type: "checkbox", checked: entry.checked }),
        };
    }
  };
  const template: MenuItemConstructorOptions[] = sections.map(({ label, entries }) => ({ label, submenu: entries.map(item) }));
  // macOS takes the first menu as the program's own.
  if (process.platform === "darwin") template.unshift({ role: "appMenu", label: app.name });
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
