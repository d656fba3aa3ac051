import type { TensorProgram } from "./program.ts";
import type { ScheduleTarget } from "./target.ts";

/** Sizes and order of one register tile: what the rule chooses for a reduction (see VectorTile). */
export interface TileSizes {
  /** elements of the vector loop in the tile */
  readonly vectorSize: number;
  readonly rows: number;
  readonly panels: number;
  /** the rows outside the panels */
  readonly rowsOutside: boolean;
  /** the reduce loop of a window is written out */
  readonly window: boolean;
}

/** What may be chosen in a program's schedule: everything else follows by rule. Plain data, to be kept in files. */
export interface ScheduleChoice {
  /** by name of the reduction's block in the program before its schedule */
  readonly tiles: Readonly<Record<string, TileSizes>>;
  /** weights that come from memory are asked for ahead */
  readonly prefetch: boolean;
}

/** A schedule other than the rule's for a program before its schedule; undefined: the rule's. */
export type ScheduleChooser = (program: TensorProgram, target: ScheduleTarget) => ScheduleChoice | undefined;

/** "6 rows x 4 panels of 16, rows outside, prefetch" */
export function describeChoice({ tiles, prefetch }: ScheduleChoice): string {
  const parts = Object.entries(tiles).map(([block, t]) => {
    const shape = `${t.rows} x ${t.panels} x ${t.vectorSize}${t.rowsOutside ? ", rows outside" : ""}${t.window ? ", window written out" : ""}`;
    return Object.keys(tiles).length > 1 ? `${block}: ${shape}` : shape;
  });
  return [...parts, ...(prefetch ? ["prefetch"] : [])].join("; ") || "no tile";
}

/** Is the value such a choice? What comes from a file may be anything. */
export function isScheduleChoice(value: unknown): value is ScheduleChoice {
  const object = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
  if (!object(value) || typeof value["prefetch"] !== "boolean" || !object(value["tiles"])) return false;
  const whole = (v: unknown): boolean => Number.isInteger(v) && (v as number) >= 1;
  return Object.values(value["tiles"]).every((t) => object(t) && whole(t["vectorSize"]) && whole(t["rows"]) && whole(t["panels"]) && typeof t["rowsOutside"] === "boolean" && typeof t["window"] === "boolean");
}
