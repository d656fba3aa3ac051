import { GraphwrightError } from "../../support/diagnostic.ts";
import { mapExpressions, mapInside, walkStatements } from "../build.ts";
import { substitute, walkExpression } from "../expression.ts";
import type { Block, Expression, Loop, Statement, Store, TensorProgram, Variable } from "../program.ts";
import { intervalOf, Scope, simplify } from "../simplify.ts";

export type ScheduleArguments = Readonly<Record<string, string | number | readonly string[]>>;

/** A condition under which a primitive keeps the meaning of a program. */
export interface LegalityCondition {
  readonly name: string;
  /** a full sentence */
  readonly doc: string;
}

/**
 * What an argument names. "loop-or-nest": a loop, or "" for the whole nest. "layout": parts of dimensions, as `pack` takes them.
 * "axis": what `bind` binds to.
 */
export type ArgumentKind = "loop" | "loops" | "loop-or-nest" | "block" | "buffer" | "number" | "layout" | "axis";

/** A transformation of programs that keeps their meaning, or throws "illegal-schedule" naming the condition that fails. */
export interface SchedulePrimitive<A extends ScheduleArguments = ScheduleArguments> {
  /** the field's term, kebab-case */
  readonly name: string;
  readonly summary: string;
  /** its arguments, in the order in which they are written */
  readonly parameters: Readonly<Record<string, ArgumentKind>>;
  readonly conditions: readonly LegalityCondition[];
  readonly apply: (program: TensorProgram, args: A, require: Require) => TensorProgram;
}

/** Of primitives that need to know how often a loop runs. */
export const knownCount: LegalityCondition = { name: "known-count", doc: "The number of iterations does not depend on sizes that are given at run time; split-remainder takes such loops." };

export type Require = (condition: string, holds: boolean, detail: string) => asserts holds;

export const definePrimitive = <A extends ScheduleArguments>(primitive: SchedulePrimitive<A> & { readonly parameters: { readonly [Name in keyof A]: ArgumentKind } }): SchedulePrimitive<A> => Object.freeze(primitive);

/** Applies a primitive and simplifies the result. */
export function applyPrimitive<A extends ScheduleArguments>(primitive: SchedulePrimitive<A>, program: TensorProgram, args: A): TensorProgram {
  const require: Require = (condition, holds, detail) => {
    if (!holds) throw new GraphwrightError("illegal-schedule", `${primitive.name} does not apply to ${program.name}: ${detail} (condition "${condition}").`);
  };
  return simplifyProgram(primitive.apply(program, args, require));
}

/** The answer to one condition for one program and arguments. */
export interface ConditionState {
  readonly name: string;
  readonly state: "satisfied" | "failed" | "unknown";
  /** what decided it */
  readonly detail?: string;
}

/** Of every primitive: what its arguments name is there. */
export const namedThings: LegalityCondition = { name: "names", doc: "The loops, blocks and buffers that the step names are in the program." };

/**
 * Each condition of a primitive for these arguments, and the program after it where all hold. A condition that the
 * arguments do not bring up holds; those behind one that fails are not asked.
 */
export function legalityOf<A extends ScheduleArguments>(primitive: SchedulePrimitive<A>, program: TensorProgram, args: A): { readonly conditions: readonly ConditionState[]; readonly program?: TensorProgram } {
  const asked = new Set<string>();
  let failed: { readonly name: string; readonly detail: string } | undefined;
  const stop = new Error("a condition failed");
  const require: Require = (name, holds, detail) => {
    asked.add(name);
    if (holds) return;
    failed = { name, detail };
    throw stop;
  };
  let after: TensorProgram | undefined;
  try {
    after = simplifyProgram(primitive.apply(program, args, require));
  } catch (error) {
    if (error instanceof GraphwrightError && (error.diagnostic.code === "no-loop" || error.diagnostic.code === "no-block")) failed = { name: namedThings.name, detail: error.diagnostic.message };
    else if (error !== stop) throw error;
  }
  const state = (name: string): ConditionState => {
    if (name === failed?.name) return { name, state: "failed", detail: failed.detail };
    return { name, state: !failed || asked.has(name) || (name === namedThings.name && failed.name !== name) ? "satisfied" : "unknown" };
  };
  return { conditions: [namedThings, ...primitive.conditions].map((c) => state(c.name)), ...(after ? { program: after } : {}) };
}

/** A statement with the statements around it, outermost first. */
export interface Located<S extends Statement> {
  readonly statement: S;
  readonly around: readonly Statement[];
}

export function findLoop(program: TensorProgram, name: string): Located<Loop> {
  let found: Located<Loop> | undefined;
  walkStatements(program.body, (s, around) => {
    if (s.kind === "for" && s.variable.name === name) found = { statement: s, around };
  });
  if (!found) throw new GraphwrightError("no-loop", `${program.name} has no loop ${JSON.stringify(name)}.`);
  return found;
}

export function findBlock(program: TensorProgram, name: string): Located<Block> {
  let found: Located<Block> | undefined;
  walkStatements(program.body, (s, around) => {
    if (s.kind === "block" && s.name === name) found = { statement: s, around };
  });
  if (!found) throw new GraphwrightError("no-block", `${program.name} has no block ${JSON.stringify(name)}.`);
  return found;
}

/** The loops around a block, outermost first. */
export const loopsAroundBlock = (program: TensorProgram, block: string): Loop[] =>
  findBlock(program, block).around.filter((s): s is Loop => s.kind === "for");

/** Of the loops around a block those that hold nothing else: the nest that steps may rearrange where it shares outer loops with others. */
export function ownLoopsOf(program: TensorProgram, block: string): Loop[] {
  const loops = loopsAroundBlock(program, block);
  return loops.slice(loops.findLastIndex((l) => l.body.length > 1) + 1);
}

/** Puts statements in the place of one (found by identity). */
export function replaceStatement(program: TensorProgram, target: Statement, by: readonly Statement[]): TensorProgram {
  const visit = (body: readonly Statement[]): readonly Statement[] => body.flatMap((s) => (s === target ? by : [mapInside(s, visit)]));
  return { ...program, body: visit(program.body) };
}

export const mentions = (e: Expression, v: Variable): boolean => {
  let found = false;
  walkExpression(e, (x) => {
    if (x === v) found = true;
  });
  return found;
};

/** Does the loop move a reduce axis of the block? */
export const isReduceLoop = (block: Block, v: Variable): boolean =>
  block.axes.some((a, i) => a.kind === "reduce" && mentions(block.bindings[i] as Expression, v));
export const isSpatialLoop = (block: Block, v: Variable): boolean =>
  block.axes.some((a, i) => a.kind === "spatial" && mentions(block.bindings[i] as Expression, v));

export const bindingsOf = (block: Block): Map<Variable, Expression> => new Map(block.axes.map((a, i) => [a.variable, block.bindings[i] as Expression]));

export const storesOf = (block: Block): Store[] => block.body.filter((s): s is Store => s.kind === "store");

/** Substitutes variables in the bindings of blocks and in whatever else uses them below. */
export function substituteVariables(body: readonly Statement[], by: ReadonlyMap<Variable, Expression>): readonly Statement[] {
  const visit = (inner: readonly Statement[]): readonly Statement[] => inner.map((s) => mapInside(mapExpressions(s, (e) => substitute(e, by)), visit));
  return visit(body);
}

/** Index expressions in canonical form, and conditions removed that the loops around decide. */
export function simplifyProgram(program: TensorProgram): TensorProgram {
  const visit = (body: readonly Statement[], scope: Scope): readonly Statement[] =>
    body.flatMap((s): readonly Statement[] => {
      switch (s.kind) {
        case "for":
          return s.extent === 0 ? [] : [{ ...s, body: visit(s.body, scope.with(s.variable, s.extent)) }];
        case "if": {
          const condition = simplify(s.condition, scope);
          if (condition.kind === "number") return condition.value ? visit(s.then, scope) : s.otherwise ? visit(s.otherwise, scope) : [];
          return [{ ...s, condition, then: visit(s.then, scope.assume(condition)), ...(s.otherwise ? { otherwise: visit(s.otherwise, scope.assumeNot(condition)) } : {}) }];
        }
        case "block": {
          const bindings = s.bindings.map((b) => simplify(b, scope));
          const inner = s.axes.reduce((at, axis, i) => {
            const { low, high } = intervalOf(bindings[i] as Expression, scope);
            return at.withRange(axis.variable, { low: Math.max(low, 0), high: Math.min(high, axis.extent - 1) });
          }, scope);
          return [{ ...s, bindings, ...(s.init ? { init: visit(s.init, inner) } : {}), body: visit(s.body, inner) }];
        }
        case "store":
          return [{ ...s, indices: s.indices.map((i) => simplify(i, scope)), value: simplify(s.value, scope) }];
        default:
          return [s];
      }
    });
  return { ...program, body: visit(program.body, Scope.empty) };
}
