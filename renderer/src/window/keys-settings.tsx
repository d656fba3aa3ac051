/** The keys of all commands, and another one for any of them. */
import { RotateCcw } from "lucide-react";
import { useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { assign, bind, chordOf, conflicts, isFixed, isOwn, keysOf, refusal, swapped, type Refusal } from "../commands/bindings.ts";
import { menus, type Command } from "../commands/command.ts";
import { showChord } from "../commands/keys.ts";
import { commands, isOffered } from "../commands/table.ts";
import { Button, IconButton } from "../design/button.tsx";
import * as act from "../state/actions.ts";
import { services } from "../state/services.ts";
import { useStore } from "../state/store.ts";

interface KeysSettingsProps {
  /** the command that waits for a key */
  readonly recording: Command["id"] | null;
  readonly onRecord: (id: Command["id"] | null) => void;
}

export function KeysSettings({ recording, onRecord }: KeysSettingsProps): ReactNode {
  const { t } = useTranslation();
  const state = useStore();
  const own = state.settings.keys;
  const [filter, setFilter] = useState("");
  const wanted = filter.trim().toLowerCase();
  const changed = commands.filter((command) => isOwn(command, own));
  const found = (command: Command): boolean => [t(`command.${command.id}`), ...keysOf(command, own).map((key) => showChord(key))].some((text) => text.toLowerCase().includes(wanted));
  const shown = commands.filter((command) => isOffered(command, state) && found(command));
  return (
    <div className="keys-settings" data-testid="keys-settings">
      <div className="keys-bar">
        <input className="input" type="search" value={filter} onChange={(event) => setFilter(event.target.value)} placeholder={t("keys.filter")} aria-label={t("keys.filter")} data-testid="keys-filter" />
        <Button small disabled={changed.length === 0} onClick={() => { act.changeSettings({ keys: {} }); onRecord(null); }} data-testid="keys-reset-all">{t("keys.reset-all")}</Button>
      </div>
      {menus.map((menu) => {
        const rows = shown.filter((command) => command.menu === menu);
        return rows.length === 0 ? null : (
          <section key={menu} aria-label={t(`menu.${menu}`)}>
            <h3 className="list-title">{t(`menu.${menu}`)}</h3>
            <ul>{rows.map((command) => <KeyRow key={command.id} command={command} recording={recording === command.id} onRecord={(on) => onRecord(on ? command.id : null)} />)}</ul>
          </section>
        );
      })}
      {shown.length === 0 && <p className="list-empty">{t("keys.none-found")}</p>}
    </div>
  );
}

interface KeyRowProps {
  readonly command: Command;
  readonly recording: boolean;
  readonly onRecord: (recording: boolean) => void;
}

function KeyRow({ command, recording, onRecord }: KeyRowProps): ReactNode {
  const { t } = useTranslation();
  const own = useStore((state) => state.settings.keys);
  const [refused, setRefused] = useState<{ readonly key: string; readonly why: Refusal }>();
  /** keys that others have: which to do has to be said */
  const [wanted, setWanted] = useState<readonly string[]>();
  const kind = services().host.kind === "electron" ? "electron" : "browser";
  const title = t(`command.${command.id}`);
  const keys = keysOf(command, own);
  const fixed = isFixed(command);
  const done = (): void => { setRefused(undefined); setWanted(undefined); onRecord(false); };
  const give = (next: readonly string[]): void => {
    if (conflicts(own, command.id, next).length > 0) return setWanted(next);
    act.changeSettings({ keys: bind(own, command, next) });
    done();
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Tab" && !event.ctrlKey && !event.metaKey && !event.altKey) return done();
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return done();
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (plain && (event.key === "Backspace" || event.key === "Delete")) return give([]);
    const chord = chordOf(event.nativeEvent);
    if (chord === undefined) return;
    const why = refusal(chord, command, kind);
    setRefused(why && { key: showChord(chord), why });
    if (why === undefined) give([chord]);
  };
  const others = wanted ? conflicts(own, command.id, wanted) : [];
  const former = wanted && others[0] && others.length === 1 ? swapped(own, command, wanted, others[0], kind) : undefined;
  const resolve = (swap: boolean): void => { act.changeSettings({ keys: assign(own, command, wanted!, kind, swap) }); done(); };
  return (
    <li className="key-row" data-testid="key-row" data-command={command.id} data-own={isOwn(command, own)}>
      <span className="key-title">{title}</span>
      {isOwn(command, own) && <IconButton label={t("keys.reset", { command: title })} className="small" onClick={() => give(command.keys ?? [])} data-testid="key-reset"><RotateCcw size={12} /></IconButton>}
      {fixed ? (
        <span className="faint" title={t("keys.fixed")}><kbd>{`${showChord(keys[0]!)} – ${showChord(keys.at(-1)!)}`}</kbd></span>
      ) : (
        <button
          type="button"
          className={`key-button ${recording ? "key-recording" : ""}`}
          aria-label={recording ? t("keys.press", { command: title }) : t("keys.change", { command: title, keys: keys.map((key) => showChord(key)).join(", ") || t("keys.no-key") })}
          onClick={() => onRecord(true)}
          onKeyDown={recording && !wanted ? press : undefined}
          onBlur={() => recording && !wanted && done()}
          data-testid="key-button"
        >
          {recording ? t("keys.recording") : keys.length === 0 ? <span className="faint">{t("keys.no-key")}</span> : keys.map((key) => <kbd key={key}>{showChord(key)}</kbd>)}
        </button>
      )}
      {recording && !wanted && <p className={`key-note ${refused ? "key-refused" : "faint"}`} role="status" data-testid="key-note">{refused ? t(`keys.refused-${refused.why}`, { key: refused.key }) : t("keys.hint")}</p>}
      {wanted && others.length > 0 && (
        <div className="key-note key-conflict" role="group" aria-label={t("keys.conflict-label")} data-testid="key-conflict">
          <p role="status">{t("keys.conflict", { key: wanted.map((key) => showChord(key)).join(", "), command: others.map(({ id }) => `“${t(`command.${id}`)}”`).join(", ") })}</p>
          {others.every((other) => !isFixed(other)) ? (
            <>
              {former !== undefined && <Button small autoFocus onClick={() => resolve(true)} data-testid="key-swap">{t("keys.swap", { key: showChord(former) })}</Button>}
              <Button small autoFocus={former === undefined} onClick={() => resolve(false)} data-testid="key-take">{t("keys.take")}</Button>
            </>
          ) : <p>{t("keys.fixed")}</p>}
          <Button small variant="quiet" onClick={done} data-testid="key-keep">{t("keys.keep")}</Button>
        </div>
      )}
    </li>
  );
}
