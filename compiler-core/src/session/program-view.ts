import { printKernel } from "../backends/c/print.ts";
import { cIdentifier } from "../bundle/c-names.ts";
import { scheduledNode } from "../bundle/lower-graph.ts";
import { describeNode, type Graph, type NodeId } from "../ir/graph.ts";
import { hoistScratch } from "../tensor/lower-node.ts";
import { printProgram } from "../tensor/printer.ts";
import { findPrimitive } from "../tensor/schedule/index.ts";
import { describeStep } from "../tensor/schedule/schedule.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { ProgramView } from "./protocol.ts";

/**
 * The tensor program of a node after its schedule, or after its first steps, and the C printed from it, lines linked by block.
 * Throws "not-lowered" for an operator, a type or a shape that has no loop nest.
 */
export function nodeProgram(graph: Graph, id: NodeId, scheduled?: number): ProgramView {
  const node = graph.operator(id);
  if (!node) throw new GraphwrightError("not-lowered", "inputs and constants have no program of their own.", { node: describeNode(graph.node(id)) });
  const { schedule, program: whole } = scheduledNode(graph, node);
  const { steps } = schedule;
  const applied = Math.max(0, Math.min(steps.length, scheduled ?? steps.length));
  const program = applied === steps.length ? whole : hoistScratch(steps[applied]!.before);
  const text = printProgram(program);
  const kernel = printKernel(program, { name: cIdentifier(node.name || `${node.op}_${id}`) });
  const links = text.blocks.flatMap((block) => {
    const source = kernel.blocks.find((b) => b.block === block.block);
    return source ? [{ program: [block.from, block.to] as const, source: [source.from, source.to] as const }] : [];
  });
  return { program: text.text, source: kernel.text, links, schedule: steps.map(describeStep), summaries: steps.map((step) => findPrimitive(step.primitive)?.summary ?? ""), scheduled: applied };
}
