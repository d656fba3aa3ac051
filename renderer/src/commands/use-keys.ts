import { useStore } from "../state/store.ts";
import { keysOf } from "./bindings.ts";
import type { CommandId } from "./command.ts";
import { showChord } from "./keys.ts";
import { commandById } from "./table.ts";

/** The first key of a command as people read it, for tooltips; undefined when it has none. */
export function useKeys(id: CommandId): string | undefined {
  const key = useStore((state) => keysOf(commandById(id), state.settings.keys)[0]);
  return key === undefined ? undefined : showChord(key);
}
