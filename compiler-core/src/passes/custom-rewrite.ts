import type { Attribute } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { Dim } from "../ir/dim.ts";
import { describeNode, type NodeId, type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { contradiction } from "../ir/merge-types.ts";
import { Rewriter } from "../ir/rewriter.ts";
import { fromNumbers } from "../ir/tensor.ts";
import { elementOf, type ValueType } from "../ir/value-type.ts";
import { typeRules } from "../ops/index.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { askCondition, type Answer } from "./custom-conditions.ts";
import { type Binding, matchPattern } from "./custom-matching.ts";
import { type CustomSyntax, parseCustomSyntax, type ReplacementNode } from "./custom-syntax.ts";
import { defineRewrite, type MatchContext, type RewriteDefinition } from "./definition.ts";
import { rewrites as builtIn } from "./index.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";

/** A rewrite that a person wrote as text; docs/custom-rewrites.md describes the form. */
export interface CustomRewrite {
  readonly text: string;
  readonly definition: RewriteDefinition;
}

/**
 * Reads one or more custom rewrites. No code is evaluated: a pattern is matched, conditions are looked up, nodes are
 * put in. Throws "text-syntax" with line and column; names of built-in rewrites and of `taken` cannot be used again.
 */
export function parseCustomRewrites(text: string, taken: readonly string[] = []): CustomRewrite[] {
  return parseCustomSyntax(text, [...builtIn.map((rewrite) => rewrite.name), ...taken]).map(({ text: own, ...syntax }) => ({ text: own, definition: definitionOf(syntax) }));
}

interface Place {
  readonly binding: Binding;
  readonly answers: readonly (readonly [name: string, answer: Answer])[];
}

const inner = "inner values";

function definitionOf(syntax: CustomSyntax): RewriteDefinition {
  const maker = syntax.pattern.find((node) => node.outputs.includes(syntax.patternResults[0]!))!;
  const handedOn = syntax.replacementResults.flatMap((name, i) => (name !== syntax.patternResults[i] && isBound(syntax, name) ? [i] : []));
  const conditionNames = uniqueNames(syntax.conditions.map((condition) => condition.text));
  return defineRewrite({
    name: syntax.name,
    title: syntax.title,
    summary: syntax.summary,
    why: syntax.why,
    exactness: syntax.exactness,
    roots: maker.domain === "" ? [maker.op] : ["*"],
    preconditions: [
      { name: "pattern", doc: `The nodes before it are those of the pattern: ${syntax.pattern.map((node) => node.op).join(", ")}. Operators whose inputs commute match in any order.` },
      ...conditionNames.map((name) => ({ name, doc: `A condition of the rewrite: ${name}.` })),
      { name: "one graph", doc: "All nodes of the pattern lie in the same graph or body." },
      { name: inner, doc: "Values inside the pattern that it does not return are used nowhere else, unless a condition speaks of their uses." },
      ...(syntax.patternResults.length > 1 ? [{ name: "no cycle", doc: "No value that the pattern starts from depends on one that it returns." }] : []),
      ...(handedOn.length > 0 ? [{ name: "replaceable", doc: "A value that is handed on is not both an input and an output of a graph, nor an output under two names." }] : []),
      { name: "same type", doc: "The replacement's element types and shapes are proven to be those of what it replaces." },
    ],
    match(root, context) {
      if (root.domain !== maker.domain || root.op !== maker.op) return undefined;
      const { bindings, reason, exhausted } = matchPattern(syntax, root, context);
      if (!context.require("pattern", bindings.length > 0 ? true : exhausted ? "unknown" : "failed", () => (bindings.length > 0 ? "it is here" : exhausted ? "there are too many ways to match it" : reason))) return undefined;
      // Of several ways to match (operands swapped) the one that holds, or comes nearest to it.
      let best: Place | undefined;
      const satisfied = (place: Place): number => place.answers.filter(([, a]) => a.state === "satisfied").length;
      for (const binding of bindings) {
        const place = { binding, answers: answersAt(syntax, conditionNames, binding, context) };
        if (!best || satisfied(place) > satisfied(best)) best = place;
        if (satisfied(place) === place.answers.length) break;
      }
      let holds = true;
      for (const [name, { state, detail }] of best!.answers) holds = context.require(name, state, detail) && holds;
      if (!holds) return undefined;
      const { binding } = best!;
      for (const i of handedOn) {
        const [from, to] = [binding.values.get(syntax.patternResults[i]!)!, binding.values.get(syntax.replacementResults[i]!)!];
        holds = requireReplaceable(context, "replaceable", from, to) && holds;
      }
      if (!holds) return undefined;
      const types = typesAgree(syntax, binding, root, context);
      if (!context.require("same type", types.state, types.detail)) return undefined;
      return { nodes: [root.id, ...[...binding.nodes.values()].filter((id) => id !== root.id)], bindings: { binding } };
    },
    rewrite(match, rewriter, context) {
      const root = context.find(match.root)!;
      const binding = match.bindings["binding"] as Binding;
      const made: NodeId[] = [];
      const results = build(syntax, binding, root, rewriter, (base) => context.freshName(base), made);
      if (made.length > 0) rewriter.derive(match.nodes.length > 1 ? "fuse" : "replace", match.nodes, made);
      for (const [i, name] of syntax.patternResults.entries()) {
        const from = binding.values.get(name)!;
        const to = results[i]!;
        if (!sameValue(from, to)) takeOver(rewriter, from, to);
      }
      rewriter.removeDead([...match.nodes]);
    },
    examples: [],
  });
}

const isBound = (syntax: CustomSyntax, name: string): boolean => syntax.parameters.includes(name) || syntax.pattern.some((node) => node.outputs.includes(name));

/** The same condition may be written twice. */
function uniqueNames(texts: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return texts.map((text) => {
    const name = text.replace(/\s+/g, " ");
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}

function answersAt(syntax: CustomSyntax, names: readonly string[], binding: Binding, context: MatchContext): (readonly [string, Answer])[] {
  const dims = new Map<string, Dim>();
  const answers = syntax.conditions.map((condition, i): readonly [string, Answer] => [names[i]!, askCondition(condition, binding, dims, context)]);
  const { graph } = context;
  const matched = new Set(binding.nodes.values());
  const [region, ...others] = new Set([...matched].map((id) => graph.node(id).region));
  answers.push(["one graph", { state: others.length === 0 ? "satisfied" : "failed", detail: others.length === 0 ? "it is one" : "some lie in an enclosing graph" }]);
  const free = new Set(syntax.conditions.flatMap((c) => (c.kind === "uses" ? [c.value] : [])));
  const results = new Set(syntax.patternResults);
  let outside: string | undefined;
  for (const [index, id] of binding.nodes) {
    const pattern = syntax.pattern[index]!;
    for (const use of graph.usesOf(id)) {
      const name = pattern.outputs[use.output] ?? "";
      if (results.has(name) || free.has(name) || (use.kind === "input" && matched.has(use.user))) continue;
      const what = context.describe({ node: id, output: use.output });
      outside ??= use.kind === "input" ? `${describeNode(graph.node(use.user))} also uses ${what}` : `${what} is an output of the graph`;
    }
  }
  answers.push([inner, { state: outside === undefined ? "satisfied" : "failed", detail: outside ?? "only the pattern uses them" }]);
  if (syntax.patternResults.length > 1) {
    const starts = syntax.parameters.map((name) => binding.values.get(name)!.node);
    const cycle = region !== undefined && reaches(context, starts, matched);
    answers.push(["no cycle", { state: cycle ? "failed" : "satisfied", detail: cycle ? "a value that the pattern starts from depends on one that it returns" : "they come before" }]);
  }
  return answers;
}

/** Whether any of the nodes depends on one of `targets`. */
function reaches(context: MatchContext, from: readonly NodeId[], targets: ReadonlySet<NodeId>): boolean {
  const pending = [...from];
  const seen = new Set(pending);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (targets.has(id)) return true;
    for (const input of context.graph.node(id).inputs)
      if (input && !seen.has(input.node)) {
        seen.add(input.node);
        pending.push(input.node);
      }
  }
  return false;
}

/** Puts the replacement into a rewriter and gives its results. */
function build(syntax: CustomSyntax, binding: Binding, root: OperatorNode, rewriter: Rewriter, fresh: (base: string) => string, made: NodeId[]): ValueRef[] {
  const values = new Map(binding.values);
  const places = new Map(syntax.replacementResults.map((name, i) => [name, syntax.patternResults[i]!]));
  const base = root.outputs[0]?.name || root.name || syntax.name;
  const common = { region: root.region, order: root.order };
  const nameFor = (name: string): string => {
    const replaced = places.get(name);
    const old = replaced === undefined ? undefined : binding.values.get(replaced);
    return old ? rewriter.node(old.node).outputs[old.output]!.name : fresh(`${base}_${name}`);
  };
  const constant = (name: string, element: ReturnType<typeof elementOf>, dims: readonly number[], elements: readonly number[]): ValueRef => {
    if (element === null) throw new GraphwrightError("custom-rewrite", `${syntax.name}: the element type for %${name} is not known here.`);
    const ref = rewriter.addConstant({ ...common, name: nameFor(name), value: ConstantValue.of(fromNumbers(element, [...dims], [...elements])) });
    made.push(ref.node);
    return ref;
  };
  for (const statement of syntax.replacement) {
    if (statement.kind === "constant") {
      const { value, name } = statement;
      if ("like" in value) values.set(name, constant(name, elementOf(rewriter.type(values.get(value.like))), value.dims, value.elements));
      else {
        const ref = rewriter.addConstant({ ...common, name: nameFor(name), value: ConstantValue.of(value) });
        made.push(ref.node);
        values.set(name, ref);
      }
      continue;
    }
    const beside = statement.inputs.find((input) => input?.kind === "value");
    const element = beside?.kind === "value" ? elementOf(rewriter.type(values.get(beside.name))) : null;
    const inputs = statement.inputs.map((input) => (input === null ? null : input.kind === "value" ? values.get(input.name)! : constant("number", element, [], [input.value])));
    const id = rewriter.addNode({
      ...common,
      op: statement.op,
      domain: statement.domain,
      inputs,
      attributes: attributesOf(statement, syntax, binding, rewriter),
      outputs: statement.outputs.map((name) => (name === "" ? "" : nameFor(name))),
      name: statement.outputs.includes(syntax.replacementResults[0]!) ? root.name : "",
      ...(statement.outputs.includes(syntax.replacementResults[0]!) ? { doc: root.doc, metadata: root.metadata } : {}),
    });
    made.push(id);
    for (const [output, name] of statement.outputs.entries()) if (name !== "") values.set(name, { node: id, output });
  }
  return syntax.replacementResults.map((name) => values.get(name)!);
}

function attributesOf(statement: ReplacementNode, syntax: CustomSyntax, binding: Binding, rewriter: Rewriter): Record<string, Attribute> {
  const copied = statement.copy === undefined ? -1 : syntax.pattern.findIndex((node) => node.outputs.includes(statement.copy!));
  const source = copied < 0 ? undefined : rewriter.operator(binding.nodes.get(copied)!);
  const attributes: Record<string, Attribute> = { ...source?.attributes };
  for (const [name, value] of statement.attributes) attributes[name] = value.kind === "variable" ? binding.attributes.get(value.variable)! : value;
  return attributes;
}

/** Builds the replacement aside and compares its types with those of what it replaces. */
function typesAgree(syntax: CustomSyntax, binding: Binding, root: OperatorNode, context: MatchContext): Answer {
  const scratch = new Rewriter(context.graph, typeRules);
  let results: ValueRef[];
  try {
    results = build(syntax, binding, root, scratch, (base) => base, []);
  } catch (error) {
    if (error instanceof GraphwrightError) return { state: "failed", detail: error.message };
    throw error;
  }
  for (const [i, name] of syntax.patternResults.entries()) {
    const [before, after]: [ValueType, ValueType] = [scratch.type(binding.values.get(name)!), scratch.type(results[i]!)];
    if (before === after) continue;
    const wrong = contradiction(after, before);
    if (wrong !== undefined) return { state: "failed", detail: `%${name} is ${before.text}, the replacement gives ${after.text}: ${wrong}` };
    return { state: "unknown", detail: `%${name} is ${before.text}, the replacement gives ${after.text}, which is not proven to be the same` };
  }
  const report = scratch.diagnostics.find((d) => d.severity === "error");
  return report ? { state: "failed", detail: report.message } : { state: "satisfied", detail: "they are equal" };
}
