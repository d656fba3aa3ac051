import type { Delta } from "../../ir/delta.ts";
import { type ConstantNode, describeNode, type Graph, type Node, type NodeId, type OperatorNode, qualifiedOp, type RegionId, rootRegion } from "../../ir/graph.ts";
import { Rewriter } from "../../ir/rewriter.ts";
import { typeRules } from "../../ops/index.ts";
import { type Diagnostic, GraphwrightError } from "../../support/diagnostic.ts";
import { constantRoot, defaultOptions, type Match, type MatchContext, type PreconditionResult, type RewriteDefinition, type RewriteOptions } from "../definition.ts";
import { GraphIndex } from "./graph-index.ts";
import { matchContext, rewritable } from "./match-context.ts";

type RootNode = OperatorNode | ConstantNode;

/** A name for a node that is the same in every run on the same model: its first output's name, else its own. */
export const siteOf = (node: Node): string => node.outputs.find((o) => o.name !== "")?.name || node.name || `#${node.id}`;

function isRoot(rewrite: RewriteDefinition, node: Node): node is RootNode {
  if (node.kind === "constant") return rewrite.roots.includes(constantRoot);
  if (node.kind !== "operator") return false;
  return rewrite.roots.includes("*") || rewrite.roots.includes(qualifiedOp(node));
}

/** Nodes in the order in which rewrites are tried: producers before users. */
function sweepOrder(graph: Graph): NodeId[] {
  const nodes: Node[] = [];
  const regions = new Map<RegionId, boolean>([[rootRegion, true]]);
  for (const node of graph) {
    let included = regions.get(node.region);
    if (included === undefined) {
      included = rewritable(graph, node.region);
      regions.set(node.region, included);
    }
    if (included && node.kind !== "parameter") nodes.push(node);
  }
  return nodes.sort((a, b) => a.order - b.order || a.id - b.id).map((node) => node.id);
}

export interface FindOptions {
  /** look at these nodes only */
  readonly roots?: readonly NodeId[];
  readonly options?: Partial<RewriteOptions>;
}

/** Every place where the rewrite applies as the graph stands. Matches may overlap. */
export function findMatches(graph: Graph, rewrite: RewriteDefinition, { roots, options }: FindOptions = {}): Match[] {
  const settings = { ...defaultOptions, ...options };
  const context = matchContext(graph);
  const matches: Match[] = [];
  for (const id of roots ?? sweepOrder(graph)) {
    const node = graph.find(id);
    if (!node || !isRoot(rewrite, node) || !rewritable(graph, node.region)) continue;
    const match = rewrite.match(node, context, settings);
    if (match) matches.push({ root: id, ...match });
  }
  return matches;
}

/** A place where a rewrite applies, or would if what fails there held. */
export interface Explanation {
  readonly rewrite: string;
  readonly root: NodeId;
  readonly site: string;
  readonly applies: boolean;
  /** nodes the rewrite would consume or change; the root alone where it does not apply */
  readonly nodes: readonly NodeId[];
  /** one result for each named precondition, in order */
  readonly preconditions: readonly PreconditionResult[];
}

/**
 * Why the rewrite applies or does not: every named precondition with its state and the value that decided it.
 * For the whole graph, or for one node; a node that cannot be a root is answered by the roots near it (three edges).
 * Places that apply come first, then near misses, most satisfied first.
 */
export function explain(graph: Graph, rewrite: RewriteDefinition, node?: NodeId, options?: Partial<RewriteOptions>): Explanation[] {
  const settings = { ...defaultOptions, ...options };
  const index = new GraphIndex(graph);
  const found: Explanation[] = [];
  for (const id of node === undefined ? sweepOrder(graph) : rootsNear(graph, rewrite, node)) {
    const explained = explainAt(graph, rewrite, id, settings, index);
    if (explained) found.push(explained);
  }
  const satisfied = (e: Explanation): number => e.preconditions.filter((p) => p.state === "satisfied").length;
  return found.sort((a, b) => Number(b.applies) - Number(a.applies) || satisfied(b) - satisfied(a) || a.root - b.root);
}

function explainAt(graph: Graph, rewrite: RewriteDefinition, id: NodeId, options: RewriteOptions, index: GraphIndex): Explanation | undefined {
  const root = graph.find(id);
  if (!root || !isRoot(rewrite, root) || !rewritable(graph, root.region)) return undefined;
  const stated: PreconditionResult[] = [];
  const match = rewrite.match(root, matchContext(graph, index, stated), options);
  if (stated.length === 0) return undefined;
  const stop = stated.find((result) => result.state !== "satisfied")?.name ?? "";
  const preconditions = rewrite.preconditions.map(
    ({ name }): PreconditionResult => stated.find((result) => result.name === name) ?? { name, state: "unknown", detail: `not asked, since "${stop}" does not hold` },
  );
  return { rewrite: rewrite.name, root: id, site: siteOf(root), applies: match !== undefined, nodes: match?.nodes ?? [id], preconditions };
}

function rootsNear(graph: Graph, rewrite: RewriteDefinition, start: NodeId): NodeId[] {
  let front = [start];
  const seen = new Set(front);
  for (let distance = 0; distance <= 3; distance++) {
    const roots = front.filter((id) => isRoot(rewrite, graph.node(id)));
    if (roots.length > 0) return roots;
    const next: NodeId[] = [];
    for (const id of front) {
      const node = graph.node(id);
      const around = graph.usesOf(id).flatMap((use) => (use.kind === "input" ? [use.user] : []));
      for (const input of node.inputs) if (input) around.push(input.node);
      for (const other of around) {
        if (seen.has(other)) continue;
        seen.add(other);
        next.push(other);
      }
    }
    front = next;
  }
  return [];
}

export interface Applied {
  readonly graph: Graph;
  readonly delta: Delta;
  /** contradictions that type inference noted on the way */
  readonly diagnostics: readonly Diagnostic[];
}

export interface ApplyOptions {
  readonly options?: Partial<RewriteOptions>;
  /** what the step belongs to in the timeline; the rewrite itself when not given */
  readonly pass?: string;
}

/**
 * Applies the rewrite at one root, as one commit. Throws "no-such-node", and "rewrite-does-not-apply" with the
 * precondition that does not hold.
 */
export function applyAt(graph: Graph, rewrite: RewriteDefinition, root: NodeId, { options, pass }: ApplyOptions = {}): Applied {
  const node = graph.find(root);
  if (!node) throw new GraphwrightError("no-such-node", `there is no node ${root} in this step.`);
  const applied = isRoot(rewrite, node) && rewritable(graph, node.region) ? tryAt(graph, rewrite, node, { ...defaultOptions, ...options }, pass ?? rewrite.name, matchContext(graph)) : undefined;
  if (applied) return applied;
  const reason = explain(graph, rewrite, root, options).find((e) => e.root === root)?.preconditions.find((p) => p.state !== "satisfied");
  throw new GraphwrightError(
    "rewrite-does-not-apply",
    reason ? `${rewrite.name} does not apply: "${reason.name}" is ${reason.state}${reason.detail === undefined ? "" : ` (${reason.detail})`}.` : `${rewrite.name} starts at ${rewrite.roots.join(", ")}.`,
    { node: describeNode(node) },
    reason?.enable,
  );
}

function tryAt(graph: Graph, rewrite: RewriteDefinition, root: RootNode, options: RewriteOptions, pass: string, context: MatchContext): Applied | undefined {
  const found = rewrite.match(root, context, options);
  if (!found) return undefined;
  const match: Match = { root: root.id, ...found };
  const rewriter = new Rewriter(graph, typeRules);
  rewrite.rewrite(match, rewriter, context, options);
  const { graph: after, delta } = rewriter.commit({ pass, rewrite: rewrite.name, site: siteOf(root), matched: match.nodes });
  return { graph: after, delta, diagnostics: rewriter.diagnostics };
}

export interface RunOptions extends ApplyOptions {
  /** places to leave as they are */
  readonly skipSite?: (rewrite: string, site: string) => boolean;
  /** upper limit of applications; default 4 for each node, and 100 */
  readonly budget?: number;
  /** called now and then with the share of the current sweep that is done; may throw to stop */
  readonly tick?: (done: number) => void;
}

/**
 * Applies the rewrites wherever they match until none does, each application one commit. Nodes are visited producers
 * first; what a commit touched is visited again at once, and whole sweeps repeat until one changes nothing, so the
 * result is a fixed point and the time is linear in nodes and applications for nodes of bounded degree.
 * After each yield the caller may answer with "revert": the step is dropped and its site is not tried again.
 * Throws "rewrite-budget" when the applications outnumber the budget.
 */
export function* applyRepeatedly(start: Graph, rewrites: readonly RewriteDefinition[], run: RunOptions = {}): Generator<Applied, Graph, "revert" | undefined> {
  const options = { ...defaultOptions, ...run.options };
  const budget = run.budget ?? 4 * start.nodes.length + 100;
  const refused = new Set<string>();
  const byOp = new Map<string, RewriteDefinition[]>();
  const candidates = (node: Node): RewriteDefinition[] => {
    const key = node.kind === "operator" ? `${node.domain}/${node.op}` : node.kind;
    let list = byOp.get(key);
    if (!list) {
      list = rewrites.filter((rewrite) => isRoot(rewrite, node));
      byOp.set(key, list);
    }
    return list;
  };
  let graph = start;
  const index = new GraphIndex(graph);
  let context = matchContext(graph, index);
  let count = 0;
  for (let changed = true; changed; ) {
    changed = false;
    const order = sweepOrder(graph);
    for (const [position, first] of order.entries()) {
      if (position % 256 === 0) run.tick?.(position / order.length);
      // Nearest first: a stack, so that one neighbourhood is finished before the sweep goes on.
      const pending = [first];
      const waiting = new Set(pending);
      while (pending.length > 0) {
        const id = pending.pop() as NodeId;
        waiting.delete(id);
        const node = graph.find(id);
        if (!node || node.kind === "parameter" || !(node.region === rootRegion || rewritable(graph, node.region))) continue;
        // Names of sites are worked out only where some place is left out.
        const site = refused.size > 0 || run.skipSite ? siteOf(node) : "";
        for (const rewrite of candidates(node)) {
          if ((refused.size > 0 && refused.has(`${rewrite.name}@${site}`)) || run.skipSite?.(rewrite.name, site)) continue;
          const applied = tryAt(graph, rewrite, node, options, run.pass ?? rewrite.name, context);
          if (!applied) continue;
          if (++count > budget)
            throw new GraphwrightError(
              "rewrite-budget",
              `more than ${budget} rewrites were applied to ${start.nodes.length} nodes, the last one ${rewrite.name} at ${applied.delta.site}: some rewrites undo one another.`,
              { node: describeNode(node) },
              "Run the rewrites one by one, or skip this one.",
            );
          if ((yield applied) === "revert") {
            refused.add(`${rewrite.name}@${applied.delta.site}`);
            // The dropped commit may have taken names.
            context = matchContext(graph, index);
            continue;
          }
          graph = applied.graph;
          index.advance(graph, applied.delta);
          context = matchContext(graph, index);
          changed = true;
          for (const near of neighbourhood(graph, applied.delta, node.id))
            if (!waiting.has(near)) {
              waiting.add(near);
              pending.push(near);
            }
          break;
        }
      }
    }
  }
  return graph;
}

/** Nodes whose matches a commit may have changed, nearest last. The next sweep finds what lies further off. */
function neighbourhood(graph: Graph, delta: Delta, root: NodeId): NodeId[] {
  const near = new Set<NodeId>();
  for (const node of delta.removed) for (const input of node.inputs) if (input && graph.operator(input.node)) near.add(input.node);
  for (const node of delta.added) for (const use of graph.usesOf(node.id)) if (use.kind === "input") near.add(use.user);
  for (const [before, after] of delta.updated) if (before.inputs !== after.inputs) near.add(after.id);
  for (const node of delta.added) near.add(node.id);
  near.add(root);
  return [...near].filter((id) => graph.has(id));
}

/**
 * Single rewrites one after another, found by the names of their sites. What matching and finding need to know of the
 * whole graph is kept up to date from step to step, so that many steps cost what they change.
 */
export class SiteDriver {
  graph: Graph;
  private readonly options: RewriteOptions;
  private readonly index: GraphIndex;
  private readonly sites = new Map<string, NodeId[]>();

  constructor(graph: Graph, options?: Partial<RewriteOptions>) {
    this.graph = graph;
    this.options = { ...defaultOptions, ...options };
    this.index = new GraphIndex(graph);
    for (const node of graph) this.enter(node);
  }

  /** Nodes of this name, ascending: more than one where bodies use a name again. */
  find(site: string): readonly NodeId[] {
    return this.sites.get(site) ?? [];
  }

  /** The commit of the rewrite at a node, which `take` makes the graph; undefined where it does not apply. */
  try(rewrite: RewriteDefinition, root: NodeId, pass?: string): Applied | undefined {
    const node = this.graph.find(root);
    if (!node || !isRoot(rewrite, node) || !rewritable(this.graph, node.region)) return undefined;
    return tryAt(this.graph, rewrite, node, this.options, pass ?? rewrite.name, matchContext(this.graph, this.index));
  }

  explain(rewrite: RewriteDefinition, root: NodeId): Explanation | undefined {
    return explainAt(this.graph, rewrite, root, this.options, this.index);
  }

  take({ graph, delta }: Applied): void {
    this.graph = graph;
    this.index.advance(graph, delta);
    for (const node of delta.removed) this.leave(node);
    for (const [before, after] of delta.updated) {
      if (siteOf(before) === siteOf(after)) continue;
      this.leave(before);
      this.enter(after);
    }
    for (const node of delta.added) this.enter(node);
  }

  private enter(node: Node): void {
    const site = siteOf(node);
    const ids = this.sites.get(site);
    if (!ids) this.sites.set(site, [node.id]);
    else if (ids.at(-1)! < node.id) ids.push(node.id);
    else this.sites.set(site, [...ids, node.id].sort((a, b) => a - b));
  }

  private leave(node: Node): void {
    const site = siteOf(node);
    const left = (this.sites.get(site) ?? []).filter((id) => id !== node.id);
    if (left.length === 0) this.sites.delete(site);
    else this.sites.set(site, left);
  }
}

/** Applies rewrites to their fixed point; all commits in order. */
export function applyEverywhere(graph: Graph, rewrites: RewriteDefinition | readonly RewriteDefinition[], run: RunOptions = {}): { graph: Graph; steps: Applied[] } {
  const steps: Applied[] = [];
  const list: readonly RewriteDefinition[] = Array.isArray(rewrites) ? rewrites : [rewrites as RewriteDefinition];
  for (const applied of applyRepeatedly(graph, list, run)) steps.push(applied);
  return { graph: steps.at(-1)?.graph ?? graph, steps };
}
