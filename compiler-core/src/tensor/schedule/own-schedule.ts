import { GraphwrightError } from "../../support/diagnostic.ts";
import { hoistScratch } from "../lower-node.ts";
import type { TensorProgram } from "../program.ts";
import { applyPrimitive } from "./primitive.ts";
import type { ScheduleStep } from "./schedule.ts";
import { parseStep } from "./step-text.ts";

/**
 * A schedule that a person gave a node, in place of the rule's: a list of steps from the plain loop nest on, in the
 * node's metadata. So it is a part of the graph: it has its steps on the timeline, is undone, saved, exported and built.
 */
export const scheduleKey = "graphwright.schedule";

/** The steps that a node's metadata holds; undefined where the rule decides. Throws "schedule-step" for what is no list of steps. */
export function ownSchedule(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  const text = metadata[scheduleKey];
  if (text === undefined) return undefined;
  let steps: unknown;
  try {
    steps = JSON.parse(text);
  } catch {
    steps = undefined;
  }
  if (!Array.isArray(steps) || !steps.every((step) => typeof step === "string")) throw new GraphwrightError("schedule-step", `the metadata ${scheduleKey} is not a list of schedule steps.`, { field: scheduleKey });
  return steps;
}

export const printOwnSchedule = (steps: readonly string[]): string => JSON.stringify(steps);

export interface AppliedSchedule {
  readonly steps: readonly ScheduleStep[];
  /** after the last step, large locals where the steps left them: what a next step is applied to */
  readonly last: TensorProgram;
  /** the kernel: large locals are scratch */
  readonly program: TensorProgram;
}

/**
 * Applies steps from the plain loop nest on, as the rule's are: large locals become scratch, which threads share, before the
 * first loop that threads share. Throws what a step's primitive throws.
 */
export function applySteps(plain: TensorProgram, texts: readonly string[]): AppliedSchedule {
  const steps: ScheduleStep[] = [];
  let last = plain;
  for (const text of texts) {
    const { primitive, arguments: args } = parseStep(text);
    if (primitive.name === "parallel" || args["axis"] === "worker") last = hoistScratch(last);
    const after = applyPrimitive(primitive, last, args);
    steps.push({ primitive: primitive.name, arguments: args, before: last, after });
    last = after;
  }
  return { steps, last, program: hoistScratch(last) };
}
