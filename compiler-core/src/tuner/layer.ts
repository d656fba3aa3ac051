import { printKernel } from "../backends/c/print.ts";
import { keyOfValue, operatorLowering, scheduleKernel, sha256Of } from "../bundle/index.ts";
import { byteSize } from "../ir/element-type.ts";
import { type Graph, type OperatorNode, qualifiedOp, rootRegion } from "../ir/graph.ts";
import { topologicalOrder } from "../ir/order.ts";
import { elementCount } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { blocksIn, storesIn, withBuffers } from "../tensor/build.ts";
import { lowerNode } from "../tensor/lower-node.ts";
import { printProgram } from "../tensor/printer.ts";
import type { Buffer, Expression, TensorProgram } from "../tensor/program.ts";
import { type ScheduleTarget, scheduleTargets } from "../tensor/target.ts";
import type { TuningMachine } from "./machine.ts";

/** What decides which schedule is fastest, beside the program. */
export type TuningPlace = Pick<TuningMachine, "compiler" | "cpu" | "flags" | "isa" | "threads">;

/** Kernels of a graph that are one program: the same operators, sizes, attributes and epilogue. */
export interface Layer {
  /** of the program and the place where it is measured */
  readonly key: string;
  /** kind of the fused group, or the operator */
  readonly op: string;
  /** of the parameters: "1x4x58x58x16, 4x4x3x3x16x16" */
  readonly shapes: string;
  readonly nodes: readonly string[];
  /** the loop nests before any schedule */
  readonly program: TensorProgram;
  /** float operations of the loop nests, transforms and padding included */
  readonly flops: number;
  /** of all parameters, each once */
  readonly bytes: number;
  /** of the C that the rule's schedule gives: a choice that was measured beside another one is out of date */
  readonly ruleDigest: string;
}

const encoder = new TextEncoder();
const digestOf = (text: string): string => sha256Of([encoder.encode(text)]);

/** Parameters are named by position: names in the model do not matter. */
function canonical(program: TensorProgram): TensorProgram {
  const by = new Map<Buffer, Buffer>(program.parameters.map((p, i) => [p, { ...p, name: `p${i}` }]));
  return { ...program, parameters: [...by.values()], body: withBuffers(program.body, by) };
}

/** Of a program before its schedule and the place where it was measured. */
export const layerKey = (program: TensorProgram, { compiler, cpu, flags, isa, threads }: TuningPlace): string =>
  digestOf(JSON.stringify([printProgram(canonical(program)).text, isa, compiler, flags, cpu, threads]));

/** The C of the rule's schedule, names of parameters aside. */
export const ruleDigest = (program: TensorProgram, target: ScheduleTarget): string => digestOf(printKernel(scheduleKernel(canonical(program), target).program, { name: "kernel", target, threads: true }).text);

export const targetNamed = (name: ScheduleTarget["name"]): ScheduleTarget => scheduleTargets.find((t) => t.name === name) ?? scheduleTargets[0];

const isArithmetic = new Set(["add", "sub", "mul", "div", "min", "max", "pow", "fmod"]);

/** Operations on elements, not on the indices that lead to them. */
function operationsIn(e: Expression): number {
  switch (e.kind) {
    case "binary":
      return (isArithmetic.has(e.op) ? 1 : 0) + operationsIn(e.left) + operationsIn(e.right);
    case "unary":
      return 1 + operationsIn(e.operand);
    case "cast":
      return operationsIn(e.operand);
    case "select":
      return operationsIn(e.condition) + Math.max(operationsIn(e.then), operationsIn(e.otherwise));
    default:
      return 0;
  }
}

/** Float operations of the stores: each operation once for every point of the loops around it. */
const flopsOf = (program: TensorProgram): number =>
  blocksIn(program.body).reduce((sum, block) => sum + storesIn(block.body).reduce((n, s) => n + operationsIn(s.value), 0) * block.axes.reduce((n, a) => n * a.extent, 1), 0);

/** The distinct kernels of a graph, as a build makes them, those that take longest (by count) first. */
export async function layersOf(graph: Graph, place: TuningPlace, task: Task): Promise<readonly Layer[]> {
  const target = targetNamed(place.isa);
  const byKey = new Map<string, Layer & { nodes: string[] }>();
  const operators = topologicalOrder(graph, rootRegion).map((id) => graph.node(id)).filter((n): n is OperatorNode => n.kind === "operator");
  for (const [i, node] of operators.entries()) {
    task.check();
    if (i % 8 === 0) {
      task.progress(i / operators.length, `lowering ${node.name || node.op}`);
      await task.pause();
    }
    let program: TensorProgram;
    try {
      ({ program } = lowerNode(graph, node, operatorLowering));
    } catch (error) {
      // The build says so, with every other place that stands in its way.
      if (error instanceof GraphwrightError) continue;
      throw error;
    }
    if (!blocksIn(program.body).some((b) => b.axes.some((a) => a.kind === "reduce"))) continue;
    const key = layerKey(program, place);
    const name = node.name || node.outputs[0]?.name || keyOfValue({ node: node.id, output: 0 });
    const known = byKey.get(key);
    if (known) known.nodes.push(name);
    else
      byKey.set(key, {
        key,
        op: titleOf(node),
        shapes: program.parameters.map((p) => p.dims.join("x") || "1").join(", "),
        nodes: [name],
        program,
        flops: flopsOf(program),
        bytes: program.parameters.reduce((n, p) => n + byteSize(p.element, elementCount(p.dims)), 0),
        ruleDigest: ruleDigest(program, target),
      });
  }
  return [...byKey.values()].sort((a, b) => b.flops * b.nodes.length - a.flops * a.nodes.length);
}

function titleOf(node: OperatorNode): string {
  const kind = node.attributes["kind"];
  return node.op === "Fused" && kind?.kind === "string" ? kind.value : qualifiedOp(node).replace(/^graphwright\./, "");
}
