import { ConstantValue } from "../ir/constant.ts";
import type { Delta } from "../ir/delta.ts";
import { type Dim, dimSymbols } from "../ir/dim.ts";
import { type Graph, type ParameterNode, rootRegion } from "../ir/graph.ts";
import { Rewriter } from "../ir/rewriter.ts";
import type { Tensor } from "../ir/tensor.ts";
import { tensorType, type TensorType } from "../ir/value-type.ts";
import { typeRules } from "../ops/index.ts";
import { GraphwrightError } from "../support/diagnostic.ts";

/** What is settled before a model is built: sizes of symbols, whole shapes of inputs, and inputs that never change. */
export interface Specialization {
  /** by the name of the symbolic dimension */
  readonly sizes?: ReadonlyMap<string, number>;
  /** by the input's name */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** inputs that become constants, by name */
  readonly constants?: ReadonlyMap<string, Tensor>;
}

const settle = (d: Dim, sizes: ReadonlyMap<string, number>): Dim => (typeof d === "object" && d !== null && sizes.has(d.text) ? sizes.get(d.text)! : d);

/**
 * A version of the graph with these sizes and constants; types are inferred again from the inputs on. Throws
 * "no-such-size" and "no-such-input", naming what the model has.
 */
export function specialize(graph: Graph, { sizes = new Map(), shapes = new Map(), constants = new Map() }: Specialization): { readonly graph: Graph; readonly delta: Delta } {
  const parameters = graph.root.parameters.map((id) => graph.node(id) as ParameterNode);
  const known = new Set(parameters.flatMap((p) => (p.outputs[0]!.type as TensorType).shape?.flatMap(dimSymbols) ?? []));
  for (const name of sizes.keys())
    if (!known.has(name)) throw new GraphwrightError("no-such-size", `no input has a dimension ${JSON.stringify(name)}.`, undefined, known.size > 0 ? `The inputs have ${[...known].map((k) => JSON.stringify(k)).join(", ")}.` : "Every size of the inputs is fixed already.");
  for (const name of [...shapes.keys(), ...constants.keys()])
    if (!parameters.some((p) => p.outputs[0]!.name === name))
      throw new GraphwrightError("no-such-input", `the model has no input ${JSON.stringify(name)}.`, undefined, `Its inputs are ${parameters.map((p) => JSON.stringify(p.outputs[0]!.name)).join(", ") || "none"}.`);
  const rewriter = new Rewriter(graph, typeRules);
  for (const p of parameters) {
    const output = p.outputs[0]!;
    const constant = constants.get(output.name);
    if (constant) {
      const made = rewriter.addConstant({ value: ConstantValue.of(constant), name: output.name, region: rootRegion, order: -1 });
      rewriter.replaceUses({ node: p.id, output: 0 }, made);
      rewriter.remove(p.id);
      continue;
    }
    if (output.type.kind !== "tensor") continue;
    const shape = shapes.get(output.name) ?? output.type.shape?.map((d) => settle(d, sizes)) ?? null;
    const type = tensorType(output.type.element, shape);
    if (type === output.type) continue;
    rewriter.update(p.id, { outputs: [{ ...output, type }] });
    for (const use of rewriter.usesOf(p.id)) if (use.kind === "input") rewriter.update(use.user, {});
  }
  return rewriter.commit({ pass: "specialize", rewrite: "specialize", site: "inputs", matched: parameters.map((p) => p.id) });
}
