import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { readValueFile } from "../../src/importers/onnx/tensor-file.ts";
import { ConstantValue } from "../../src/ir/constant.ts";
import type { Graph, OperatorNode } from "../../src/ir/graph.ts";
import { Rewriter } from "../../src/ir/rewriter.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { topologicalOrder } from "../../src/ir/order.ts";
import { isTensor, typeRules } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { silentTask } from "../../src/support/task.ts";
import { lowerGraph, operatorLowering, type LoweredGraph } from "../../src/bundle/lower-graph.ts";
import type { ScheduleTarget } from "../../src/tensor/target.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { sharedFolder } from "../../../app/tooling/need.ts";

export interface NodeCase {
  readonly name: string;
  readonly op: string;
  readonly graph: Graph;
  readonly lowered: LoweredGraph;
  readonly inputs: readonly Tensor[];
  readonly expected: readonly Tensor[];
}

export const nodeCaseFolder = join(sharedFolder(), "onnx-backend/node");

/** Cases of a folder that are one operator with a lowering, inputs that lowering needs early made constants. */
export async function* nodeCases(folder: string, pattern: RegExp, target?: ScheduleTarget): AsyncGenerator<NodeCase | { readonly name: string; readonly op: string; readonly refused: string }> {
  for (const name of readdirSync(folder).filter((n) => pattern.test(n)).sort()) {
    const at = join(folder, name);
    const data = join(at, "test_data_set_0");
    if (!existsSync(join(at, "model.onnx")) || !existsSync(data)) continue;
    let { graph } = importOnnx(new MemoryBlob(name, new Uint8Array(readFileSync(join(at, "model.onnx")))), { rules: typeRules });
    const operators = topologicalOrder(graph).map((id) => graph.node(id)).filter((n): n is OperatorNode => n.kind === "operator");
    const [node] = operators;
    if (operators.length !== 1 || !node || !operatorLowering.lowering(node)) continue;
    const read = (kind: string) =>
      readdirSync(data).filter((f) => f.startsWith(`${kind}_`)).sort((a, b) => Number(/\d+/.exec(a)![0]) - Number(/\d+/.exec(b)![0]))
        .map((f, i) => readValueFile(new Uint8Array(readFileSync(join(data, f))), graph.type(kind === "input" ? { node: graph.root.parameters[i]!, output: 0 } : graph.root.outputs[i]!.value)));
    const given = read("input");
    const expected = read("output");
    if (!given.every(isTensor) || !expected.every(isTensor)) continue;
    const early = operatorLowering.lowering(node)!.compileTimeInputs ?? [];
    const rewriter = new Rewriter(graph, typeRules);
    for (const index of early) {
      const ref = node.inputs[index];
      const position = ref ? graph.root.parameters.indexOf(ref.node) : -1;
      if (position < 0) continue;
      const constant = rewriter.addConstant({ value: ConstantValue.of(given[position] as Tensor), name: `early_${index}` });
      rewriter.setInput(node.id, index, constant);
    }
    graph = rewriter.commit({ pass: "test", rewrite: "bind", site: name, matched: [] }).graph;
    try {
      yield { name, op: node.op, graph, lowered: await lowerGraph(graph, silentTask, operatorLowering, target), inputs: given as Tensor[], expected: expected as Tensor[] };
    } catch (error) {
      if (!(error instanceof GraphwrightError)) throw error;
      yield { name, op: node.op, refused: error.diagnostic.message };
    }
  }
}
