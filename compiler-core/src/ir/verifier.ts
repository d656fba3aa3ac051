import type { Diagnostic } from "../support/diagnostic.ts";
import { describeNode, type Graph, type Node, type RegionId } from "./graph.ts";
import { topologicalOrder } from "./order.ts";

/**
 * Checks what every graph must hold: inputs name existing outputs in their own or an enclosing region, bodies of
 * fused groups capture nothing, the use index agrees with the inputs, regions and owners agree, no cycles.
 * Returns one diagnostic a violation; none for a sound graph.
 */
export function verifyGraph(graph: Graph): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const report = (code: string, node: Node | undefined, message: string): void => {
    problems.push({ severity: "error", code, message, ...(node ? { where: { node: describeNode(node) } } : {}) });
  };
  const enclosing = new Map<RegionId, Set<RegionId>>();
  const enclosingOf = (region: RegionId): Set<RegionId> => {
    let known = enclosing.get(region);
    if (!known) {
      known = new Set(graph.enclosing(region));
      enclosing.set(region, known);
    }
    return known;
  };
  let uses = 0;
  for (const node of graph) {
    if (!graph.regions.get(node.region)) {
      report("lost-region", node, `lies in region ${node.region}, which is gone.`);
      continue;
    }
    for (const [index, input] of node.inputs.entries()) {
      if (!input) continue;
      uses++;
      const producer = graph.find(input.node);
      if (!producer || input.output >= producer.outputs.length) {
        report("dangling-input", node, `input ${index} names output ${input.output} of node ${input.node}, which does not exist.`);
        continue;
      }
      if (!enclosingOf(node.region).has(producer.region)) report("out-of-scope", node, `input ${index} comes from ${describeNode(producer)}, whose region does not enclose this node.`);
      if (!graph.usesOf(input.node).some((u) => u.kind === "input" && u.user === node.id && u.index === index && u.output === input.output))
        report("use-index", node, `input ${index} is missing from the uses of ${describeNode(producer)}.`);
    }
    if (node.kind === "operator")
      for (const [name, id] of Object.entries(node.regions)) {
        const body = graph.regions.get(id);
        if (!body) report("lost-region", node, `its body ${name} is gone.`);
        else if (body.owner !== node.id) report("region-owner", node, `its body ${name} belongs to node ${body.owner}.`);
      }
  }
  for (const region of graph.regions) {
    if (!region) continue;
    for (const id of region.parameters) {
      const node = graph.find(id);
      if (node?.kind !== "parameter" || node.region !== region.id) report("region-parameter", node, `region ${region.id} lists node ${id} as a parameter, which it is not.`);
    }
    for (const [index, output] of region.outputs.entries()) {
      uses++;
      const producer = graph.find(output.value.node);
      if (!producer || output.value.output >= producer.outputs.length) report("dangling-output", undefined, `output ${JSON.stringify(output.name)} names a value that does not exist.`);
      else {
        if (!enclosingOf(region.id).has(producer.region)) report("out-of-scope", producer, `output ${JSON.stringify(output.name)} of region ${region.id} lies outside it.`);
        if (!graph.usesOf(producer.id).some((u) => u.kind === "result" && u.region === region.id && u.index === index && u.output === output.value.output))
          report("use-index", producer, `output ${JSON.stringify(output.name)} is missing from its uses.`);
      }
    }
    try {
      topologicalOrder(graph, region.id);
    } catch (error) {
      report("cycle", undefined, `region ${region.id}: ${(error as Error).message}.`);
    }
  }
  let indexed = 0;
  for (const list of graph.uses) indexed += list?.length ?? 0;
  if (indexed !== uses && problems.length === 0) report("use-index", undefined, `the use index has ${indexed} entries for ${uses} uses.`);
  return problems;
}
