/** Finding nodes by name, operator, attributes, value names and types. */
import type { NodeView } from "@graphwright/compiler-core";

export const searchLimit = 200;

export interface SearchResult {
  readonly nodes: readonly NodeView[];
  /** how many match, also those beyond the limit */
  readonly count: number;
}

const textOf = (node: NodeView): string =>
  [node.op, node.name, node.domain, node.detail, node.parts.join("+"), node.outputs.map((each) => `${each.name} ${each.type}`).join(" "), node.inputs.map((each) => each.name).join(" ")]
    .join("\u0000")
    .toLowerCase();

/** Every word must be found somewhere. Nodes whose operator or name begins with the query come first. */
export function searchNodes(nodes: readonly NodeView[], text: string): SearchResult {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return { nodes: nodes.slice(0, searchLimit), count: nodes.length };
  const ranked: { readonly node: NodeView; readonly rank: number }[] = [];
  for (const node of nodes) {
    const all = textOf(node);
    if (!words.every((word) => all.includes(word))) continue;
    const [op, name, first] = [node.op.toLowerCase(), node.name.toLowerCase(), words[0]!];
    const rank = op === first || name === first ? 0 : op.startsWith(first) || name.startsWith(first) ? 1 : op.includes(first) || name.includes(first) ? 2 : 3;
    ranked.push({ node, rank });
  }
  ranked.sort((a, b) => a.rank - b.rank);
  return { nodes: ranked.slice(0, searchLimit).map(({ node }) => node), count: ranked.length };
}
