import { GraphwrightError } from "../../support/diagnostic.ts";
import { findPrimitive, schedulePrimitives } from "./index.ts";
import type { ScheduleArguments, SchedulePrimitive } from "./primitive.ts";

/** A step as `describeStep` writes it: "split(loop=i, factor=4)", "reorder(loops=[k, j])". */
export interface ParsedStep {
  readonly primitive: SchedulePrimitive;
  readonly arguments: ScheduleArguments;
}

/** How a primitive's steps are written: "split(loop=, factor=)". */
export const stepForm = (primitive: SchedulePrimitive): string =>
  `${primitive.name}(${Object.entries(primitive.parameters).map(([name, kind]) => `${name}=${kind === "loops" || kind === "layout" ? "[…]" : "…"}`).join(", ")})`;

/** Reads a step. Throws "schedule-step", which says what is known and what was expected. */
export function parseStep(text: string): ParsedStep {
  const fault = (message: string, hint?: string): GraphwrightError => new GraphwrightError("schedule-step", `${JSON.stringify(text.slice(0, 200))}: ${message}.`, undefined, hint);
  const [, name, inside] = /^\s*([a-z][a-z-]*)\s*\((.*)\)\s*$/s.exec(text) ?? [];
  const primitive = name === undefined ? undefined : findPrimitive(name);
  if (name === undefined || inside === undefined) throw fault("a step is a primitive and its arguments", 'Like "split(loop=i, factor=4)".');
  if (!primitive) throw fault(`there is no primitive ${name}`, `Primitives: ${schedulePrimitives.map((p) => p.name).join(", ")}.`);
  const form = `It is written as ${stepForm(primitive)}.`;
  const given = new Map<string, string>();
  // Commas divide arguments, except inside the brackets of a list.
  for (const part of inside.trim() === "" ? [] : inside.split(/,(?![^[]*\])/)) {
    const at = part.indexOf("=");
    const key = part.slice(0, at).trim();
    if (at < 0) throw fault(`expected name=value, found ${JSON.stringify(part.trim())}`, form);
    if (!Object.hasOwn(primitive.parameters, key)) throw fault(`${name} has no argument ${key}`, form);
    if (given.has(key)) throw fault(`${key} is given twice`, form);
    given.set(key, part.slice(at + 1).trim());
  }
  const args: Record<string, string | number | readonly string[]> = {};
  for (const [key, kind] of Object.entries(primitive.parameters)) {
    const value = given.get(key);
    if (value === undefined) throw fault(`${key} is missing`, form);
    if (kind === "number") {
      if (!/^-?\d+$/.test(value)) throw fault(`${key} takes a whole number, not ${JSON.stringify(value)}`, form);
      args[key] = Number(value);
    } else if (kind === "loops" || kind === "layout") {
      const list = /^\[(.*)\]$/s.exec(value)?.[1];
      if (list === undefined) throw fault(`${key} takes a list in brackets, not ${JSON.stringify(value)}`, form);
      args[key] = list.trim() === "" ? [] : list.split(",").map((item) => item.trim());
    } else {
      if (value === "" && kind !== "loop-or-nest") throw fault(`${key} is empty`, form);
      args[key] = value;
    }
  }
  return { primitive, arguments: args };
}
