import { type NodeId, type OperatorNode, sameValue, type Use, type ValueRef } from "../../ir/graph.ts";
import { elementCount, staticShape, tensorType } from "../../ir/value-type.ts";
import { defineRewrite, type Match, type MatchContext, type PreconditionInfo, type RewriteDefinition } from "../definition.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import { composed, inverse, permAttribute, type Permutation, relaid, type Relaid } from "./layout.ts";
import { isIdentityPermutation, permutationOf } from "./permutation.ts";
import { addDerivedConstant } from "./replacement.ts";
import { producersFirst } from "./operator-fusion.ts";

const keyOf = (ref: ValueRef): string => `${ref.node}:${ref.output}`;

/** A value at the edge of a region that is computed outside and needed inside in the other layout. */
interface Entry {
  readonly value: ValueRef;
  /** what is there already, and the Transpose of it that gives the other layout; undefined when it is that layout */
  readonly source: ValueRef;
  readonly perm: Permutation | undefined;
}

/** A value of the region that something outside uses. */
interface Exit {
  readonly value: ValueRef;
  readonly perm: Permutation;
  /** the value itself is needed outside */
  readonly needed: boolean;
  /** Transposes of it, and what becomes of them */
  readonly turns: readonly { readonly node: OperatorNode; readonly perm: Permutation | undefined }[];
}

interface Edges {
  readonly entries: readonly Entry[];
  readonly exits: readonly Exit[];
  /** Transposes that go */
  readonly removed: readonly OperatorNode[];
  readonly added: number;
  /** elements that are moved, where sizes are known */
  readonly moved: { readonly before: number; readonly after: number };
}

/** Regions stay small enough to look at each node several times. */
const regionLimit = 96;

class Region {
  readonly members = new Map<NodeId, Relaid>();
  private readonly context: MatchContext;
  private readonly sums: boolean;
  private readonly home: number;

  constructor(root: OperatorNode, context: MatchContext, sums: boolean) {
    this.context = context;
    this.sums = sums;
    this.home = root.region;
    const perm = permutationOf(root, context)!;
    this.flood({ node: root.id, output: 0 }, perm);
  }

  /** Everything that is connected with `start` through nodes of any layout. */
  private flood(start: ValueRef, perm: Permutation): void {
    const { context, members } = this;
    const perms = new Map<string, Permutation>();
    const pending: [ValueRef, Permutation][] = [[start, perm]];
    const add = (node: OperatorNode, now: Relaid | undefined): void => {
      if (!now || members.size >= regionLimit) return;
      const touched: [ValueRef, Permutation][] = [...[...now.data].map(([place, p]): [ValueRef, Permutation] => [node.inputs[place]!, p]), ...now.outputs.map((p, output): [ValueRef, Permutation] => [{ node: node.id, output }, p])];
      // Two ways that ask for different layouts of one value: the first one keeps it.
      if (touched.some(([ref, p]) => (perms.get(keyOf(ref)) ?? p).join() !== p.join())) return;
      members.set(node.id, now);
      pending.push(...touched.filter(([ref]) => !perms.has(keyOf(ref))));
      for (const [ref, p] of touched) perms.set(keyOf(ref), p);
    };
    perms.set(keyOf(start), perm);
    for (let next = pending.shift(); next; next = pending.shift()) {
      const [ref, p] = next;
      const maker = context.find(ref.node);
      if (maker && maker.region === this.home && maker.op !== "Transpose" && ref.output === 0 && !members.has(maker.id)) add(maker, relaid(maker, p, "output", context, this.sums));
      for (const use of context.graph.usesOfValue(ref)) {
        const user = use.kind === "input" ? context.find(use.user) : undefined;
        if (user && use.kind === "input" && user.region === this.home && user.op !== "Transpose" && !members.has(user.id)) add(user, relaid(user, p, { place: use.index }, context, this.sums));
      }
    }
  }

  /** What the region costs at its edges; undefined where a Transpose both leaves and enters it. */
  edges(): Edges | undefined {
    const { context, members } = this;
    const removed = new Map<NodeId, OperatorNode>();
    const entries = new Map<string, Entry>();
    const exits: Exit[] = [];
    let added = 0;
    const moved = { before: 0, after: 0 };
    const puts = (ref: ValueRef): void => {
      added++;
      moved.after += weigh(ref);
    };
    const weigh = (ref: ValueRef): number => {
      const shape = staticShape(context.type(ref));
      return shape ? elementCount(shape) : 0;
    };
    const isInside = (use: Use): boolean => use.kind === "input" && (members.get(use.user)?.data.has(use.index) ?? false);
    for (const [id, now] of members) {
      const node = context.find(id)!;
      for (const [place, perm] of now.data) {
        const value = node.inputs[place]!;
        if (members.has(value.node) || entries.has(keyOf(value))) continue;
        const turn = context.producer(value, "Transpose");
        const first = turn && permutationOf(turn, context);
        if (turn && first) {
          if (members.has(turn.inputs[0]!.node)) return undefined;
          const rest = composed(first, inverse(perm));
          const kept = isIdentityPermutation(rest) ? undefined : rest;
          entries.set(keyOf(value), { value, source: turn.inputs[0]!, perm: kept });
          if (context.graph.usesOfValue(value).every(isInside)) removed.set(turn.id, turn);
          if (kept) puts(value);
        } else {
          entries.set(keyOf(value), { value, source: value, perm: inverse(perm) });
          puts(value);
        }
      }
      for (const [output, perm] of now.outputs.entries()) {
        const value = { node: id, output };
        const turns: { node: OperatorNode; perm: Permutation | undefined }[] = [];
        const same = isIdentityPermutation(perm);
        let needed = false;
        let named = same && context.isResult(value);
        for (const use of context.graph.usesOfValue(value)) {
          if (isInside(use)) continue;
          const turn = use.kind === "input" ? context.find(use.user) : undefined;
          const second = turn?.domain === "" && turn.op === "Transpose" && turn.region === this.home ? permutationOf(turn, context) : undefined;
          if (!turn || !second) {
            needed = true;
            continue;
          }
          const rest = composed(perm, second);
          const result = context.isResult({ node: turn.id, output: 0 });
          // One value cannot be two outputs of a graph.
          const gone = isIdentityPermutation(rest) && !(result && named);
          named ||= gone && result;
          turns.push({ node: turn, perm: gone ? undefined : rest });
          removed.set(turn.id, turn);
          if (!gone) puts(value);
        }
        if (needed && !same) puts(value);
        if (needed || turns.length > 0) exits.push({ value, perm, needed, turns });
      }
    }
    for (const turn of removed.values()) moved.before += weigh({ node: turn.id, output: 0 });
    return { entries: [...entries.values()], exits, removed: [...removed.values()], added, moved };
  }

  get benefit(): number {
    const edges = this.edges();
    return edges ? edges.removed.length - edges.added : -Infinity;
  }

  /** Leaves out nodes at the edge as long as that saves Transposes. */
  shrink(): void {
    for (let best = this.benefit; best <= 0 && this.members.size > 1; ) {
      let found: [NodeId, Relaid] | undefined;
      for (const [id, now] of [...this.members]) {
        this.members.delete(id);
        const benefit = this.benefit;
        this.members.set(id, now);
        if (benefit > best) [best, found] = [benefit, [id, now]];
      }
      if (!found) return;
      this.members.delete(found[0]);
    }
  }
}

const preconditions: readonly PreconditionInfo[] = [
  { name: "known permutation", doc: "The Transpose says how it permutes, or the rank is known." },
  { name: "operators of any layout", doc: "A user of the Transpose, or what it is connected with, can compute the same in another layout: all its constants, axes, paddings and ranges are known." },
  { name: "fewer transposes", doc: "With all these operators in the other layout the graph has fewer Transposes than before: those at the edges cancel, and fewer have to be put in. Constants are laid out again and need none." },
  { name: "no more is moved", doc: "Where sizes are known, the Transposes that are left move no more elements than those that go." },
];

/** A rewrite that brings a connected region of operators to another layout, when it then has fewer Transposes. */
export const transposeRegion = (spec: Pick<RewriteDefinition, "name" | "title" | "summary" | "why" | "exactness" | "examples">, sums: boolean): RewriteDefinition =>
  defineRewrite({
    ...spec,
    roots: ["Transpose"],
    preconditions,
    match(root, context) {
      const perm = permutationOf(root, context);
      if (!context.require("known permutation", perm ? true : "unknown", () => (perm ? `[${perm.join(", ")}]` : "the rank is unknown")) || !perm) return undefined;
      const region = new Region(root, context, sums);
      const { members } = region;
      if (!context.require("operators of any layout", members.size > 0, () => (members.size > 0 ? `${members.size} of them` : "every user is tied to the layout it has"))) return undefined;
      region.shrink();
      const edges = region.edges();
      const fewer = edges !== undefined && edges.added < edges.removed.length;
      if (!context.require("fewer transposes", fewer, () => (edges ? `${edges.removed.length} go and ${edges.added} come` : "a Transpose leaves the region and enters it again")) || !edges) return undefined;
      if (!context.require("no more is moved", edges.moved.after <= edges.moved.before, () => `${edges.moved.before} elements before, ${edges.moved.after} after`)) return undefined;
      const nodes = producersFirst([...members.keys()].map((id) => context.find(id)!));
      return { nodes: [...new Set([root.id, ...edges.removed.map((n) => n.id), ...nodes.map((n) => n.id)])], bindings: { members: nodes.map((node) => [node, members.get(node.id)!] as const), edges } };
    },
    rewrite: (match, rewriter, context) => relayRegion(match, rewriter, context),
  });

function relayRegion(match: Match, rewriter: Rewriter, context: MatchContext): void {
  const { members, edges } = match.bindings as { members: readonly (readonly [OperatorNode, Relaid])[]; edges: Edges };
  /** by value: what stands for it in the other layout */
  const other = new Map<string, ValueRef>();
  const turned = (source: ValueRef, perm: Permutation, name: string, beside: OperatorNode): ValueRef => ({
    node: rewriter.addNode({ op: "Transpose", inputs: [source], attributes: permAttribute(perm), outputs: [name], region: beside.region, order: beside.order }),
    output: 0,
  });
  const fresh = (ref: ValueRef, suffix: string): string => {
    const name = context.graph.valueName(ref);
    return name === "" ? "" : context.freshName(`${name}_${suffix}`);
  };
  /** Moves uses to a value of a new node, which takes the name if it becomes an output of the graph. */
  const handOver = (from: ValueRef, to: ValueRef): void => {
    rewriter.replaceUses(from, to);
    if (context.isResult(from)) rewriter.update(to.node, { outputs: rewriter.node(to.node).outputs.map((o, i) => (i === to.output ? { ...o, name: context.graph.valueName(from) } : o)) });
  };
  // Constants whose names are still in use: by inputs that stay as they are, or by another constant made of them.
  const taken = new Set<NodeId>(members.flatMap(([node, now]) => node.inputs.flatMap((ref, place) => (ref && !now.constants.has(place) ? [ref.node] : []))));
  for (const { value, source, perm } of edges.entries) {
    const user = members.find(([node]) => node.inputs.some((ref) => sameValue(ref, value)))![0];
    other.set(keyOf(value), perm ? turned(source, perm, fresh(value, "turned"), user) : source);
  }
  for (const [node, now] of members) {
    const inputs = node.inputs.map((ref, place) => (now.data.has(place) ? other.get(keyOf(ref!))! : ref));
    for (const [place, tensor] of now.constants) {
      while (inputs.length <= place) inputs.push(null);
      const like = node.inputs[place] ?? node.inputs[1]!;
      if (!node.inputs[place]) taken.add(like.node);
      inputs[place] = addDerivedConstant(match, rewriter, context, { tensor: tensor(), like, suffix: node.inputs[place] ? "turned" : "axes", sources: [like.node], beside: node, taken });
      taken.add(like.node);
    }
    const outputs = node.outputs.map(({ name, type }, output) => {
      const perm = now.outputs[output]!;
      const shape = type.kind === "tensor" ? type.shape : undefined;
      const named = name === "" ? "" : fresh({ node: node.id, output }, "turned");
      return shape?.length === perm.length && type.kind === "tensor" ? { name: named, type: tensorType(type.element, inverse(perm).map((k) => shape[k]!)) } : named;
    });
    const id = rewriter.addNode({ op: node.op, inputs, attributes: now.attributes, outputs, name: node.name, doc: node.doc, metadata: node.metadata, region: node.region, order: node.order });
    rewriter.derive("replace", [node.id], [id]);
    for (const output of node.outputs.keys()) other.set(keyOf({ node: node.id, output }), { node: id, output });
  }
  for (const { value, perm, needed, turns } of edges.exits) {
    const now = other.get(keyOf(value))!;
    for (const turn of turns) {
      const out = { node: turn.node.id, output: 0 };
      handOver(out, turn.perm ? turned(now, turn.perm, context.graph.valueName(out), turn.node) : now);
    }
    if (needed) handOver(value, isIdentityPermutation(perm) ? now : turned(now, perm, context.graph.valueName(value), context.find(value.node)!));
  }
  rewriter.removeDead([...match.nodes].reverse());
}
