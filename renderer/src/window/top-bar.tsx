import { Command as CommandIcon, PackageOpen, Settings, ShieldCheck } from "lucide-react";
import { Menubar } from "radix-ui";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useKeys } from "../commands/use-keys.ts";
import { keysOf } from "../commands/bindings.ts";
import { menus, type Command, type MenuName } from "../commands/command.ts";
import { sectionsOf } from "../commands/host-menu.ts";
import { showChord } from "../commands/keys.ts";
import { isEnabled, runCommand } from "../commands/table.ts";
import { Button, IconButton, Tip } from "../design/button.tsx";
import { CheckNumbers, useCheckText } from "../design/check-mark.tsx";
import { useRoving } from "../design/roving.ts";
import { depthOf } from "../state/steps.ts";
import { activeModel, setView, useStore } from "../state/store.ts";
import { ModelTabs } from "./model-tabs.tsx";

export function TopBar(): ReactNode {
  const { t } = useTranslation();
  const has = useStore((state) => activeModel(state) !== undefined);
  const bar = useRoving<HTMLDivElement>("bar");
  return (
    <header className="top-bar" data-part>
      <span className="brand" aria-hidden>
        <svg width="20" height="20" viewBox="0 0 32 32" fill="none">
          <rect width="32" height="32" rx="7" fill="var(--color-accent)" />
          <path d="M16 9v4m0 0c0 3-6 3-6 6m6-6c0 3 6 3 6 6" stroke="var(--color-text-on-accent)" strokeWidth="1.8" strokeLinecap="round" />
          <rect x="12.5" y="5.5" width="7" height="5" rx="1.6" fill="var(--color-text-on-accent)" />
          <rect x="6.5" y="19" width="7" height="7.5" rx="1.6" fill="var(--color-text-on-accent)" />
          <rect x="18.5" y="19" width="7" height="7.5" rx="1.6" fill="var(--color-text-on-accent)" fillOpacity=".6" />
        </svg>
        <span className="brand-name">Graphwright</span>
      </span>
      <MenuBar />
      <ModelTabs />
      <div ref={bar} className="top-actions" role="toolbar" aria-label={t("top.actions")}>
        {has && <CheckChip />}
        {has && (
          <Button small onClick={() => runCommand("file-export")} data-testid="export-button">
            <PackageOpen size={13} aria-hidden /> {t("top.export")}
          </Button>
        )}
        <IconButton label={t("command.view-palette")} keys={useKeys("view-palette")} onClick={() => runCommand("view-palette")} data-testid="palette-button"><CommandIcon size={15} /></IconButton>
        <IconButton label={t("command.file-settings")} keys={useKeys("file-settings")} onClick={() => setView({ dialog: "settings" })} data-testid="settings-button"><Settings size={15} /></IconButton>
      </div>
    </header>
  );
}

function MenuBar(): ReactNode {
  const { t } = useTranslation();
  return (
    <Menubar.Root className="menubar" aria-label={t("menu.label")} data-testid="menubar">
      {menus.map((menu) => (
        <Menubar.Menu key={menu}>
          <Menubar.Trigger className="menu-trigger" data-testid={`menu-${menu}`}>{t(`menu.${menu}`)}</Menubar.Trigger>
          <Menubar.Portal>
            <Menubar.Content className="menu-content" align="start" sideOffset={4} collisionPadding={8} onCloseAutoFocus={(event) => event.preventDefault()}>
              <Entries menu={menu} />
            </Menubar.Content>
          </Menubar.Portal>
        </Menubar.Menu>
      ))}
    </Menubar.Root>
  );
}

/** Mounted while its menu is open: only then does it follow the state. */
function Entries({ menu }: { readonly menu: MenuName }): ReactNode {
  const state = useStore();
  return sectionsOf(menu, state).map((section, index) => (
    <Menubar.Group key={section[0]!.id}>
      {index > 0 && <Menubar.Separator className="menu-separator" />}
      {section.map((command) => (
        <Entry key={command.id} command={command} />
      ))}
    </Menubar.Group>
  ));
}

function Entry({ command }: { readonly command: Command }): ReactNode {
  const { t } = useTranslation();
  const state = useStore();
  const common = {
    className: "menu-item",
    disabled: !isEnabled(command, state),
    // After the menu closed: dialogs take the focus themselves.
    onSelect: () => setTimeout(() => runCommand(command.id), 0),
    "data-testid": `command-${command.id}`,
  } as const;
  const all = keysOf(command, state.settings.keys);
  const keys = all[0];
  const content = (
    <>
      <span>{t(`command.${command.id}`)}</span>
      {keys && <kbd>{all.length > 5 ? `${showChord(keys)}–${showChord(all.at(-1)!)}` : showChord(keys)}</kbd>}
    </>
  );
  if (!command.checked) return <Menubar.Item {...common}>{content}</Menubar.Item>;
  return (
    <Menubar.CheckboxItem {...common} checked={command.checked(state)}>
      <Menubar.ItemIndicator className="menu-check">✓</Menubar.ItemIndicator>
      {content}
    </Menubar.CheckboxItem>
  );
}

/** The last comparison of the first step with another: what it said, and for which step. */
function CheckChip(): ReactNode {
  const { t } = useTranslation();
  const text = useCheckText();
  const verification = useStore((state) => activeModel(state)?.verification ?? null);
  const timeline = useStore((state) => activeModel(state)?.timeline);
  const stale = useStore((state) => verification !== null && verification.to !== activeModel(state)?.b);
  const verdict = verification === null ? "none" : stale ? "stale" : verification.check.verdict;
  const label = verification === null ? t("check.verify") : stale ? t("check.stale", { step: timeline ? depthOf(timeline, verification.to) : 0 }) : text(verification.check);
  return (
    <Tip text={verification && !stale ? <CheckNumbers check={verification.check} /> : t("check.verify-hint")}>
      <button type="button" className={`check-chip check-${verdict}`} onClick={() => runCommand("rewrite-verify")} data-testid="verify" data-verdict={verdict}>
        <ShieldCheck size={14} aria-hidden />
        <span className="num">{label}</span>
      </button>
    </Tip>
  );
}
