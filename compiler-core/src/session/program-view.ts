import { printKernel } from "../backends/c/print.ts";
import { cIdentifier, commentText } from "../bundle/c-names.ts";
import { lowerBodies, scheduledNode, sizedNode, type SizedGraph } from "../bundle/lower-graph.ts";
import { stepLabel } from "../bundle/generate.ts";
import { SymbolicDim } from "../ir/dim.ts";
import { describeNode, type Graph, type NodeId, type OperatorNode } from "../ir/graph.ts";
import { silentTask, type Task } from "../support/task.ts";
import { walkStatements } from "../tensor/build.ts";
import { hoistScratch } from "../tensor/lower-node.ts";
import { parseProgram } from "../tensor/parser.ts";
import { printProgram } from "../tensor/printer.ts";
import type { TensorProgram } from "../tensor/program.ts";
import { siteOf } from "../passes/driver/driver.ts";
import { findPrimitive, schedulePrimitives } from "../tensor/schedule/index.ts";
import { type ArgumentKind, legalityOf, namedThings, simplifyProgram } from "../tensor/schedule/primitive.ts";
import { describeStep } from "../tensor/schedule/schedule.ts";
import { parseStep } from "../tensor/schedule/step-text.ts";
import { sizesOf } from "../tensor/sizes.ts";
import { verifyProgram } from "../tensor/verifier.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { sampledGraphs } from "./sized-graph.ts";
import { comparePrograms, drawParameters, ProgramRunner } from "./program-check.ts";
import type { CheckView, PrimitiveView, ProgramNames, ProgramView, WrittenProgram } from "./protocol.ts";
import { bytesOf } from "./run.ts";
import { tensorView } from "./tensor-view.ts";

export const primitiveViews = (): PrimitiveView[] =>
  schedulePrimitives.map(({ name, summary, parameters, conditions }) => ({
    name,
    summary,
    parameters: Object.entries(parameters).map(([parameter, kind]) => ({ name: parameter, kind: kind as ArgumentKind })),
    conditions: [namedThings, ...conditions],
  }));

function programNames(program: TensorProgram): ProgramNames {
  const loops: string[] = [];
  const blocks: string[] = [];
  const buffers = program.parameters.map((p) => p.name);
  walkStatements(program.body, (s) => {
    if (s.kind === "for") loops.push(s.variable.name);
    else if (s.kind === "block") blocks.push(s.name);
    else if (s.kind === "allocate") buffers.push(s.buffer.name);
  });
  return { loops, blocks, buffers };
}

const sampled = new WeakMap<Graph, readonly SizedGraph[]>();

/** A node's program after its schedule; for sizes of the run, where its shapes have symbols of the inputs. */
function lowered(graph: Graph, node: OperatorNode): ReturnType<typeof scheduledNode> & Pick<ProgramView, "sizes"> {
  try {
    return { ...scheduledNode(graph, node), sizes: [] };
  } catch (error) {
    const open = [...node.inputs.map((ref) => ref && graph.type(ref)), ...node.outputs.map(({ type }) => type)].some((type) => type?.kind === "tensor" && type.shape?.some((d) => d instanceof SymbolicDim));
    if (!open || !(error instanceof GraphwrightError) || error.diagnostic.code !== "not-lowered") throw error;
    let made = sampled.get(graph);
    if (!made) sampled.set(graph, (made = sampledGraphs(graph)));
    let reason = error;
    for (const sized of made) {
      try {
        const found = sizedNode(sized, node);
        return { ...found, sizes: sizesOf(found.program).map(({ name, max }) => ({ name, max: max! })) };
      } catch (inner) {
        if (!(inner instanceof GraphwrightError)) throw inner;
        reason = inner;
      }
    }
    throw reason;
  }
}

/** The programs of a node with bodies: what it does between their steps, and these under the flag that they run by. */
async function bodyPrograms(graph: Graph, node: OperatorNode): Promise<ProgramView | undefined> {
  let found: Awaited<ReturnType<typeof lowerBodies>>;
  try {
    found = await lowerBodies(graph, node);
  } catch (error) {
    if (!(error instanceof GraphwrightError) || error.diagnostic.code !== "not-lowered") throw error;
    const made = sampled.get(graph) ?? sampledGraphs(graph);
    sampled.set(graph, made);
    for (const sized of made) found ??= await lowerBodies(sized.samples[0]!.graph, node, sized).catch(() => undefined);
    if (!found) throw error;
  }
  if (!found) return undefined;
  const { steps, bodies, values } = found;
  const [program, source]: [string[], string[]] = [[], []];
  const links: ProgramView["links"][number][] = [];
  for (const [i, step] of steps.entries()) {
    const around = bodies.filter((b) => b.begin <= i && i < b.end);
    const indent = "  ".repeat(around.length);
    for (const [depth, b] of around.entries()) if (b.begin === i) program.push(`${"  ".repeat(depth)}# ${b.body} of ${stepLabel({ node: b.node })}: ${b.repeats ? "again and again while" : "if"} ${values.get(b.flag)?.name ?? b.flag} is ${b.when}`);
    const text = printProgram(step.program);
    const kernel = printKernel(step.program, { name: cIdentifier(`${step.node.name || `${step.node.op}_${step.node.id}`}${step.role ? `_${step.role}` : ""}`) });
    program.push(`${indent}# ${stepLabel(step)} (${step.node.op})`);
    source.push(`/* ${commentText(stepLabel(step))} */`);
    for (const block of text.blocks) {
      const there = kernel.blocks.find((b) => b.block === block.block);
      if (there) links.push({ program: [block.from + program.length, block.to + program.length], source: [there.from + source.length, there.to + source.length] });
    }
    program.push(...text.text.trimEnd().split("\n").map((line) => indent + line), "");
    source.push(...kernel.text.trimEnd().split("\n"), "");
  }
  const sizes = new Map(steps.flatMap((s) => sizesOf(s.program).map((v) => [v.name, v.max!] as const)));
  return { program: program.join("\n"), source: source.join("\n"), links, schedule: [], summaries: [], scheduled: 0, own: false, names: { loops: [], blocks: [], buffers: [] }, site: siteOf(node), bodies: Object.keys(node.regions).length, sizes: [...sizes].map(([name, max]) => ({ name, max })) };
}

/**
 * The tensor program of a node after its schedule, or after its first steps, and the C printed from it, lines linked by block.
 * Throws "not-lowered" for an operator, a type or a shape that has no loop nest.
 */
export async function nodeProgram(graph: Graph, id: NodeId, scheduled?: number): Promise<ProgramView> {
  const node = graph.operator(id);
  if (!node) throw new GraphwrightError("not-lowered", "inputs and constants have no program of their own.", { node: describeNode(graph.node(id)) });
  const several = await bodyPrograms(graph, node);
  if (several) return several;
  const { schedule, program: whole, own, refused, sizes } = lowered(graph, node);
  const { steps } = schedule;
  const applied = Math.max(0, Math.min(steps.length, scheduled ?? steps.length));
  const program = applied === steps.length ? whole : hoistScratch(steps[applied]!.before);
  const text = printProgram(program);
  const kernel = printKernel(program, { name: cIdentifier(node.name || `${node.op}_${id}`) });
  const links = text.blocks.flatMap((block) => {
    const source = kernel.blocks.find((b) => b.block === block.block);
    return source ? [{ program: [block.from, block.to] as const, source: [source.from, source.to] as const }] : [];
  });
  return { program: text.text, source: kernel.text, links, schedule: steps.map(describeStep), summaries: steps.map((step) => findPrimitive(step.primitive)?.summary ?? ""), scheduled: applied, own, ...(refused === undefined ? {} : { refused }), names: programNames(program), site: siteOf(node), sizes };
}

/** Compares a node's programs before and after one step of its schedule, from 1. */
export async function scheduleCheck(graph: Graph, id: NodeId, scheduled: number, task: Task): Promise<CheckView> {
  const node = graph.operator(id);
  const step = node && scheduledNode(graph, node).schedule.steps[scheduled - 1];
  if (!step) throw new GraphwrightError("schedule-step", `the schedule has no step ${scheduled}.`, { node: describeNode(graph.node(id)) });
  return comparePrograms(hoistScratch(step.before), hoistScratch(step.after), await new ProgramRunner().load(), task);
}

/** A program that a person wrote: what the verifier says of it, its C, and steps of a schedule, each checked on drawn values. */
export async function writtenProgram({ text, steps: wanted = [], run }: { readonly text: string; readonly steps?: readonly string[]; readonly run?: number }, task: Task = silentTask): Promise<WrittenProgram> {
  const written = parseProgram(text);
  let program = written;
  let problems = verifyProgram(program);
  const runner = await new ProgramRunner().load();
  const sized = sizesOf(program).length > 0;
  const steps: WrittenProgram["steps"][number][] = [];
  for (const step of problems.length > 0 ? [] : wanted) {
    task.check();
    const { primitive, arguments: args } = parseStep(step);
    const { conditions, program: after } = legalityOf(primitive, program, args);
    const docs = new Map([namedThings, ...primitive.conditions].map((c) => [c.name, c.doc]));
    const before = printProgram(program).text;
    const check = after && !sized ? comparePrograms(program, after, runner, task) : undefined;
    steps.push({
      step,
      summary: primitive.summary,
      applies: after !== undefined,
      conditions: conditions.map((c) => ({ ...c, doc: docs.get(c.name)! })),
      before,
      after: after ? printProgram(after).text : before,
      ...(check ? { check } : {}),
    });
    if (!after) break;
    program = after;
  }
  if (steps.length > 0) problems = verifyProgram(program);
  const kernel = problems.length > 0 ? "" : printKernel(simplifyProgram(hoistScratch(program)), { name: cIdentifier(program.name) }).text;
  const result = { name: program.name, program: printProgram(program).text, source: kernel, problems, steps };
  if (run === undefined || problems.length > 0) return result;
  if (sized) return { ...result, outputs: "its sizes are given at run time" };
  const ran = runner.run(hoistScratch(program), drawParameters(program, run));
  if (typeof ran === "string") return { ...result, outputs: ran };
  const names = program.parameters.filter((p) => p.scope === "output").map((p) => p.name);
  return {
    ...result,
    outputs: ran.outputs.map((tensor, i) => ({ ...tensorView(names[i]!, tensor, bytesOf(tensor), task), dims: tensor.dims })),
  };
}
