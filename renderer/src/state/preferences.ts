/**
 * What a person chose once and expects to find again, by name: read whole at start, written behind. The host keeps it,
 * because browser storage belongs to an address, and the local server's port may change.
 */
import type { KeptData } from "../host/host.ts";

const values = new Map<string, string>();
const waiting = new Map<string, ReturnType<typeof setTimeout>>();
let kept: KeptData | undefined;
const pause = 150;

/** Reads everything. A host that does not answer leaves the defaults: nothing is lost, and nothing is overwritten. */
export async function loadPreferences(data: KeptData): Promise<void> {
  try {
    for (const [key, text] of Object.entries(await data.texts("pref."))) values.set(key.slice("pref.".length), text);
    kept = data;
  } catch {
    // The window says elsewhere that its host does not answer.
  }
}

const write = (name: string): void => {
  clearTimeout(waiting.get(name));
  waiting.delete(name);
  void kept?.write(`pref.${name}`, values.get(name) ?? "").catch(() => undefined);
};

/** Libraries make their own names; the host takes lower case, digits, dots and dashes. */
const clean = (name: string): string => name.toLowerCase().replace(/[^a-z0-9.-]+/g, "-").replace(/^[.-]+/, "").slice(0, 150);

/** As `Storage` has it, for libraries that expect one. */
export const preferences = {
  getItem: (name: string): string | null => values.get(clean(name)) ?? null,
  setItem(given: string, value: string): void {
    const name = clean(given);
    if (values.get(name) === value) return;
    values.set(name, value);
    clearTimeout(waiting.get(name));
    waiting.set(name, setTimeout(() => write(name), pause));
  },
};

/** Writes what still waits. */
export function flushPreferences(): void {
  for (const name of [...waiting.keys()]) write(name);
}
