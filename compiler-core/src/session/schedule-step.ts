import { scheduledNode } from "../bundle/lower-graph.ts";
import type { Graph, OperatorNode } from "../ir/graph.ts";
import type { RewriteDefinition } from "../passes/definition.ts";
import type { RecipeStep } from "../passes/recipe.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { TensorProgram } from "../tensor/program.ts";
import { applySteps, type AppliedSchedule, printOwnSchedule, scheduleKey } from "../tensor/schedule/own-schedule.ts";
import { findPrimitive } from "../tensor/schedule/index.ts";
import { type LegalityCondition, legalityOf, namedThings } from "../tensor/schedule/primitive.ts";
import { describeStep } from "../tensor/schedule/schedule.ts";
import { parseStep } from "../tensor/schedule/step-text.ts";
import { verifyProgram } from "../tensor/verifier.ts";

/** Name of the pass that schedule steps belong to on the timeline. */
export const schedulePass = "schedule";

/** "keep(steps=3)": of the steps of a node's schedule the first ones stay. */
const keepForm = /^keep\(steps=(\d+)\)$/;

const lowered: LegalityCondition = { name: "lowered", doc: "The node has a tensor program." };
const sound: LegalityCondition = { name: "sound", doc: "The program after the step passes the verifier: every access in bounds, every output element written, no races." };
const fewer: LegalityCondition = { name: "fewer", doc: "The schedule has more steps than are kept." };

/** The steps that a node's schedule has now, its own or the rule's, applied. */
function currentSchedule(graph: Graph, node: OperatorNode): { readonly steps: readonly string[]; readonly plain: TensorProgram; readonly applied: AppliedSchedule } {
  const { lowered: from, schedule } = scheduledNode(graph, node);
  const steps = schedule.steps.map(describeStep);
  return { steps, plain: from.program, applied: applySteps(from.program, steps) };
}

/** The program before and after the last step of a node's own schedule. */
export function scheduleEnds(before: Graph, after: Graph, node: OperatorNode): { readonly before: TensorProgram; readonly after: TensorProgram } {
  return { before: scheduledNode(before, before.operator(node.id)!).program, after: scheduledNode(after, after.operator(node.id)!).program };
}

/**
 * A step of a schedule as a rewrite of its node, which takes the node's schedule into its metadata: it is applied, explained, recorded and
 * replayed as rewrites are. Its name is the step: "split(loop=i, factor=4)". Undefined for a name that is no step's.
 */
export function scheduleRewrite(given: string): RewriteDefinition | undefined {
  const primitiveName = /^\s*([a-z][a-z-]*)\s*\(.*\)\s*$/s.exec(given)?.[1];
  if (primitiveName === undefined) return undefined;
  const kept = keepForm.exec(given.trim())?.[1];
  const primitive = findPrimitive(primitiveName);
  if (!primitive && kept === undefined) return undefined;
  const step = kept === undefined ? parseStep(given) : undefined;
  const name = step ? describeStep({ primitive: step.primitive.name, arguments: step.arguments }) : given.trim();
  return {
    name,
    title: name,
    summary: primitive?.summary ?? "Of the steps of the node's schedule, the first ones stay.",
    why: "",
    exactness: "reassociates",
    roots: ["*"],
    preconditions: step ? [lowered, namedThings, ...step.primitive.conditions, sound] : [lowered, fewer],
    examples: [],
    match(root, context) {
      const node = context.graph.operator(root.id);
      let current: ReturnType<typeof currentSchedule>;
      try {
        if (!node) throw new GraphwrightError("not-lowered", "inputs and constants have no program of their own.");
        current = currentSchedule(context.graph, node);
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
        context.require(lowered.name, false, error.diagnostic.message);
        return undefined;
      }
      context.require(lowered.name, true);
      const { steps, applied } = current;
      if (!step) {
        const count = Number(kept);
        return context.require(fewer.name, count < steps.length, `it has ${steps.length}`) ? { nodes: [root.id], bindings: { steps: steps.slice(0, count) } } : undefined;
      }
      const { conditions, program } = legalityOf(step.primitive, applied.last, step.arguments);
      for (const { name: condition, state, detail } of conditions) if (state !== "unknown" && !context.require(condition, state, detail)) return undefined;
      if (!program) return undefined;
      const next = [...steps, name];
      // Applied from the start, as it will be: what threads share becomes scratch before their first loop.
      let problem: string | undefined;
      try {
        problem = verifyProgram(applySteps(current.plain, next).program)[0]?.message;
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
        problem = error.diagnostic.message;
      }
      return context.require(sound.name, problem === undefined, problem) ? { nodes: [root.id], bindings: { steps: next } } : undefined;
    },
    rewrite(match, rewriter) {
      rewriter.update(match.root, { metadata: { ...rewriter.node(match.root).metadata, [scheduleKey]: printOwnSchedule(match.bindings["steps"] as readonly string[]) } });
    },
  };
}

/** The steps of schedules among recorded ones. What cannot be read is left to be reported as unknown. */
export function scheduleRewrites(steps: readonly RecipeStep[]): RewriteDefinition[] {
  const found = new Map<string, RewriteDefinition>();
  for (const step of steps) {
    if (!("rewrite" in step) || found.has(step.rewrite)) continue;
    try {
      const rewrite = scheduleRewrite(step.rewrite);
      if (rewrite) found.set(step.rewrite, rewrite);
    } catch (error) {
      if (!(error instanceof GraphwrightError)) throw error;
    }
  }
  return [...found.values()];
}
