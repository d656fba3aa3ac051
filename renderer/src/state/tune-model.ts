/** Measuring schedules of the shown step's layers, through the C compiler of the program around the window. */
import type { ModelId, TuningEntry } from "@graphwright/compiler-core";
import { i18next } from "../i18n/index.ts";
import { settle } from "./actions.ts";
import { report } from "./notices.ts";
import { services } from "./services.ts";
import { useStore } from "./store.ts";
import { runTask } from "./tasks.ts";
import { toolsOf, updateTools, type TuningState } from "./tools.ts";

const { t } = i18next;

/** What was measured in this window, of any model: a cancelled run goes on from there. */
const known = new Map<string, TuningEntry>();

/** The layers in turn, the most work first; each is shown when it is there, and stays when the rest is cancelled. */
export async function tuneModel(id: ModelId): Promise<void> {
  await settle(id);
  const state = useStore.getState();
  const step = state.models[id]?.b;
  const compiler = state.host?.capabilities.toolchain?.version;
  if (step === undefined || compiler === undefined) return;
  const { session, host } = services();
  const at = { model: id, step };
  let stopped = (): boolean => false;
  try {
    await runTask(t("task.tune"), async ({ signal, onProgress }) => {
      const call = { signal };
      stopped = () => signal.aborted;
      const run = async (program: { readonly source: string; readonly flags: readonly string[] }): Promise<{ text: string; processor: string }> => {
        const result = await host.measure(program, signal);
        if (!result.ok) throw new Error(result.text);
        return result;
      };
      const first = await run(await session.tuningProbe({}, call));
      const place = { compiler, cpu: first.processor, isa: first.text };
      const { isa } = await session.tuningMachine(place, call);
      const peak = await run(await session.tuningProbe({ isa }, call));
      const machine = await session.tuningMachine({ ...place, peak: peak.text }, call);
      const { layers } = await session.tuningLayers({ ...at, machine }, call);
      const entries = new Map(layers.flatMap(({ key, ruleDigest }) => (known.get(key)?.ruleDigest === ruleDigest ? [[key, known.get(key)!] as const] : [])));
      const single = new Set<string>();
      const show = (measuring: string | undefined): void => updateTools(id, { tuning: { step, machine, layers, entries: new Map(entries), single: new Set(single), measuring } });
      try {
        for (const [i, { key, op, shapes }] of layers.entries()) {
          if (entries.has(key)) continue;
          onProgress({ fraction: i / layers.length, label: `${op} ${shapes}` });
          show(key);
          const { variants, ...program } = await session.tuningTrial({ ...at, machine, key }, call);
          if (variants < 2) {
            single.add(key);
            continue;
          }
          const entry = await session.tuningEntry({ ...at, machine, key, printed: (await run(program)).text }, call);
          known.set(key, entry);
          entries.set(key, entry);
        }
      } finally {
        show(undefined);
      }
    });
  } catch (error) {
    // What was measured before a cancel is shown, and stays.
    if (!stopped()) report(t("error.tune"), error, id);
  }
}

/** Time of the measured layers by rule over their time as chosen, each as often as it occurs. */
export function gainOf({ layers, entries }: Pick<TuningState, "layers" | "entries">): number {
  let [byRule, byChoice] = [0, 0];
  for (const { key, nodes } of layers) {
    const entry = entries.get(key);
    if (!entry) continue;
    const time = nodes.length * entry.variants[0]!.medianMs;
    byRule += time;
    byChoice += time / entry.speedup;
  }
  return byChoice > 0 ? byRule / byChoice : 1;
}

/** What an export of the step may take: the choices that were measured for it. */
export function tuningFor(id: ModelId, step: number): { readonly machine: TuningState["machine"]; readonly entries: readonly TuningEntry[] } | undefined {
  const tuning = toolsOf(id).tuning;
  return tuning?.step === step && tuning.entries.size > 0 ? { machine: tuning.machine, entries: [...tuning.entries.values()] } : undefined;
}
