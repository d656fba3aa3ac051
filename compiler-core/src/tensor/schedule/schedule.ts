import type { TensorProgram } from "../program.ts";
import { printProgram } from "../printer.ts";
import { applyPrimitive, type ScheduleArguments, type SchedulePrimitive } from "./primitive.ts";

/** One application of a primitive: what a person sees of it, and what is needed to do it again. */
export interface ScheduleStep {
  readonly primitive: string;
  readonly arguments: ScheduleArguments;
  readonly before: TensorProgram;
  readonly after: TensorProgram;
}

/** "split(loop=oc, factor=4)" */
export const describeStep = (step: Pick<ScheduleStep, "primitive" | "arguments">): string =>
  `${step.primitive}(${Object.entries(step.arguments).map(([k, v]) => `${k}=${Array.isArray(v) ? `[${v.join(", ")}]` : v}`).join(", ")})`;

/** The texts before and after a step. Printed when asked for: most steps are never looked at. */
export const stepTexts = (step: ScheduleStep): { readonly before: string; readonly after: string } => ({
  before: printProgram(step.before).text,
  after: printProgram(step.after).text,
});

/** Applies primitives to a program, one after the other, and records each. */
export class Schedule {
  private current: TensorProgram;
  private readonly recorded: ScheduleStep[] = [];

  constructor(program: TensorProgram) {
    this.current = program;
  }

  get program(): TensorProgram {
    return this.current;
  }

  get steps(): readonly ScheduleStep[] {
    return this.recorded;
  }

  apply<A extends ScheduleArguments>(primitive: SchedulePrimitive<A>, args: A): this {
    const before = this.current;
    this.current = applyPrimitive(primitive, before, args);
    this.recorded.push({ primitive: primitive.name, arguments: args, before, after: this.current });
    return this;
  }
}
