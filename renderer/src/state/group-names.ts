/** Names that a person gave to groups ("12 × encoder layer"), by the model's file name; they are there again next time. */
import { create } from "zustand";

type Names = Readonly<Record<string, string>>;
const key = "graphwright.group-names";
const keptModels = 40;
const none: Names = {};

function load(): Readonly<Record<string, Names>> {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") as Record<string, Names>;
  } catch {
    return {};
  }
}

const useNames = create<{ readonly all: Readonly<Record<string, Names>> }>(() => ({ all: typeof localStorage === "undefined" ? {} : load() }));

export const useGroupNames = (file: string): Names => useNames((state) => state.all[file] ?? none);
export const groupNames = (file: string): Names => useNames.getState().all[file] ?? none;

/** An empty name gives the group its own name back. */
export function nameGroup(file: string, group: string, name: string): void {
  const { [group]: before, ...rest } = groupNames(file);
  void before;
  const { [file]: own, ...others } = useNames.getState().all;
  void own;
  const names = name.trim() === "" ? rest : { ...rest, [group]: name.trim() };
  const all = { ...Object.fromEntries(Object.entries(others).slice(-keptModels)), ...(Object.keys(names).length > 0 ? { [file]: names } : {}) };
  useNames.setState({ all });
  try {
    localStorage.setItem(key, JSON.stringify(all));
  } catch {
    // Storage is full or forbidden: the names last as long as the window.
  }
}
