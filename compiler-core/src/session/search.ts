/**
 * Finding nodes by words and by what they are: `conv stem`, `op:Conv kernel_shape=3,3`, `shape:1,64,*,* -is:fused`,
 * `rewrite:batch-norm-into-conv`. Every term must hold; "-" before a term turns it round. The graph is read as it is,
 * with no index of words to be made first; answers about operators and types, which are few, are remembered.
 */
import { problemsOf } from "./problems.ts";
import type { Attribute } from "../ir/attribute.ts";
import { diffGraphs } from "../ir/diff.ts";
import { isFused, type Graph, type OperatorNode, type ParameterNode } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import type { StepId } from "../ir/timeline.ts";
import { findOperator } from "../ops/index.ts";
import { closeNames } from "../passes/driver/nearest-names.ts";
import type { Task } from "../support/task.ts";
import type { Model } from "./model.ts";
import type { Mark, SearchHit, SearchProblem, SearchResult, SearchSuggestion } from "./protocol.ts";
import { detailOf, isDrawn, nodesInOrder, partsOf, scopeOf } from "./views.ts";

/** Keys with a colon. Everything else with "=" (or a colon) is an attribute. */
export const searchKeys = ["op", "name", "in", "shape", "type", "value", "constant", "rewrite", "is", "has"] as const;
export const searchStates = ["fused", "input", "custom", "added", "removed", "changed"] as const;
export const searchHas = ["error", "constant", "body", "unknown-shape"] as const;

export interface SearchTerm {
  readonly negated: boolean;
  /** absent: a word that is looked for in names, operators, values, types and attributes */
  readonly key?: string;
  readonly value: string;
}

/** Reads a query. Quotes keep spaces: name:"my layer". */
export function parseSearch(text: string): SearchTerm[] {
  const terms: SearchTerm[] = [];
  for (const [token] of text.matchAll(/(?:[^\s"]|"[^"]*(?:"|$))+/g)) {
    const negated = token.length > 1 && token.startsWith("-") && !/^-[\d.]/.test(token);
    const body = negated ? token.slice(1) : token;
    const match = /^([A-Za-z_][\w.]*)([:=])(.*)$/s.exec(body);
    const plain = (part: string): string => part.replaceAll('"', "");
    // "a::b" and "onnx::Conv_3" are names.
    if (match && !match[3]!.startsWith(":")) terms.push({ negated, key: match[1]!, value: plain(match[3]!) });
    else if (plain(body) !== "") terms.push({ negated, value: plain(body) });
  }
  return terms;
}

interface Candidate {
  readonly node: OperatorNode | ParameterNode;
  readonly graph: Graph;
  readonly mark: Mark | undefined;
}

const limitOfSuggestions = 12;
/** Nodes between two looks at whether the answer is still wanted. */
const checkEvery = 4096;

/** What is searched, kept: a search is asked again with every letter. */
const kept = new WeakMap<Graph, WeakMap<Graph, readonly Candidate[]>>();
function candidates(graph: Graph, base: Graph | undefined): readonly Candidate[] {
  let byBase = kept.get(graph);
  if (!byBase) kept.set(graph, (byBase = new WeakMap()));
  let all = byBase.get(base ?? graph);
  if (!all) byBase.set(base ?? graph, (all = findCandidates(graph, base)));
  return all;
}

/** Answers of `test`, each asked for once: operators, types and shapes are few where nodes are many. */
function remembered<K, V>(test: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    let answer = known.get(key);
    if (answer === undefined) known.set(key, (answer = test(key)));
    return answer;
  };
}

function findCandidates(graph: Graph, base: Graph | undefined): readonly Candidate[] {
  const nodes = nodesInOrder(graph).filter(isDrawn);
  if (!base) return nodes.map((node) => ({ node, graph, mark: undefined }));
  const diff = diffGraphs(base, graph);
  const added = new Set(diff.added.map((node) => node.id));
  const changed = new Set(diff.changed.map((change) => change.after.id));
  return [
    ...nodes.map((node): Candidate => ({ node, graph, mark: added.has(node.id) ? "added" : changed.has(node.id) ? "changed" : "unchanged" })),
    ...diff.removed.filter(isDrawn).map((node): Candidate => ({ node, graph: base, mark: "removed" })),
  ];
}

const opOf = (node: OperatorNode | ParameterNode): string => (node.kind === "parameter" ? "Input" : node.op);

/** An attribute's value as it is typed: 3,3 · 1 · constant. Tensors and bodies have none. */
function attributeText(attribute: Attribute | undefined): string | undefined {
  if (!attribute || !("value" in attribute) || !["int", "float", "string", "ints", "floats", "strings"].includes(attribute.kind)) return undefined;
  return Array.isArray(attribute.value) ? attribute.value.join(",") : String(attribute.value as number);
}

/** Reads what a node's attribute is, its default included. */
function attributeReader(name: string): (node: OperatorNode | ParameterNode) => string | undefined {
  /** by domain and operator; null: none */
  const defaults = new Map<string, Map<string, string | null>>();
  const fallbackOf = (domain: string, op: string): string | undefined => {
    let byOp = defaults.get(domain);
    if (!byOp) defaults.set(domain, (byOp = new Map()));
    let text = byOp.get(op);
    if (text === undefined) {
      const schema = findOperator(domain, op)?.attributes;
      const fallback = schema && Object.hasOwn(schema, name) ? schema[name]!.fallback : undefined;
      byOp.set(op, (text = fallback === undefined ? null : Array.isArray(fallback) ? fallback.join(",") : String(fallback as number)));
    }
    return text ?? undefined;
  };
  return (node) => (node.kind === "parameter" ? undefined : ((Object.hasOwn(node.attributes, name) ? attributeText(node.attributes[name]) : undefined) ?? fallbackOf(node.domain, node.op)));
}

function someHas(all: readonly Candidate[], name: string): boolean {
  const read = attributeReader(name);
  return all.some(({ node }) => read(node) !== undefined);
}

/** Attributes of the model's operators, given or by default. */
function attributeNames(all: readonly Candidate[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { node } of all) {
    if (node.kind !== "operator") continue;
    for (const name of Object.keys(node.attributes)) names.add(name);
    for (const name of Object.keys(findOperator(node.domain, node.op)?.attributes ?? {})) names.add(name);
  }
  return names;
}

const hasAttributes = (node: OperatorNode): boolean => {
  for (const _ in node.attributes) return true;
  return false;
};

/** Finds a text anywhere, in any case. */
const containing = (text: string): RegExp => new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "i");

/** "[3, 3]", "3x3" and "3,3" are one list; 0.1 is found in 0.10000000149. */
const normal = (value: string): string => value.trim().toLowerCase().replace(/[[\]()]/g, "").replace(/\s*[,×]\s*|(?<=\d)x(?=\d)|\s+/g, ",");
function sameValue(found: string, wanted: string): boolean {
  const [a, b] = [normal(found), normal(wanted)];
  if (a === b) return true;
  return a !== "" && b !== "" && Number.isFinite(Number(a)) && Number.isFinite(Number(b)) && Math.fround(Number(a)) === Math.fround(Number(b));
}

/** A shape with "*" or "?" for any size and "..." for any number of them. */
function shapeMatcher(wanted: string): (type: string) => boolean {
  const parts = normal(wanted).split(",").filter((part) => part !== "");
  const pattern = parts.map((part) => (part === "..." ? "(?:[^,]+(?:,|$))*" : `${part === "*" || part === "?" ? "[^,]+" : part.replace(/[^\w]/g, "\\$&")}(?:,|$)`)).join("");
  const expression = new RegExp(`^${pattern}$`);
  return (type) => {
    const dims = /\[(.*)\]$/.exec(type)?.[1];
    return dims !== undefined && dims !== "*" && expression.test(dims.replaceAll(" ", "").toLowerCase());
  };
}

/** "float32[1, 8]" -> "float32" */
const elementOf = (type: string): string => /^(\w+)\[/.exec(type)?.[1]?.toLowerCase() ?? "";

const shortTypes: Readonly<Record<string, string>> = { f64: "float64", f32: "float32", f16: "float16", bf16: "bfloat16", float: "float32", double: "float64", half: "float16", i8: "int8", i16: "int16", i32: "int32", i64: "int64", u8: "uint8", u16: "uint16", u32: "uint32", u64: "uint64", str: "string" };

/** Constants that a node uses: name, type, and the value of a single number. */
function* constantsOf({ node, graph }: Candidate): Generator<{ readonly name: string; readonly value: string | undefined }> {
  for (const ref of node.inputs) {
    const producer = ref && graph.find(ref.node);
    if (producer?.kind !== "constant") continue;
    const { value } = producer;
    let scalar: string | undefined;
    if (value.count === 1 && value.type.element !== null && !value.type.element.startsWith("complex")) {
      const tensor = value.tensor();
      scalar = String(Array.isArray(tensor.data) ? tensor.data[0] : toNumbers(tensor)[0]);
    }
    yield { name: producer.outputs[ref!.output]?.name ?? "", value: scalar };
  }
}

/** Nodes on the way to the step that a step made, by rewrite. */
function madeBy(model: Model, step: StepId): { readonly rewrites: ReadonlyMap<number, ReadonlySet<string>>; readonly names: ReadonlySet<string> } {
  const rewrites = new Map<number, Set<string>>();
  const names = new Set<string>();
  const path: StepId[] = [];
  for (let at: StepId | null = step; at !== null; at = model.timeline.step(at).parent) path.unshift(at);
  for (const id of path) {
    const { delta } = model.timeline.step(id);
    if (!delta) continue;
    names.add(delta.rewrite);
    for (const entry of delta.provenance) {
      for (const node of entry.to) {
        // What came from something keeps how that was made.
        const all = rewrites.get(node) ?? new Set<string>();
        all.add(delta.rewrite);
        for (const from of entry.from) for (const earlier of rewrites.get(from) ?? []) all.add(earlier);
        rewrites.set(node, all);
      }
    }
  }
  return { rewrites, names };
}

type Test = (candidate: Candidate) => boolean;

export function searchNodes(model: Model, step: StepId, base: StepId | undefined, text: string, offset: number, limit: number, task: Pick<Task, "check">): SearchResult {
  const graph = model.graph(step);
  const all = candidates(graph, base === undefined || base === step ? undefined : model.graph(base));
  const terms = parseSearch(text);
  const problems: SearchProblem[] = [];
  const problem = (kind: SearchProblem["kind"], term: string, known: readonly string[], names: Iterable<string> = known): void =>
    void problems.push({ kind, term, known, meant: closeNames(term, names).map((name) => (kind === "attribute" ? `${name}=` : `${kind}:${name}`)) });
  let made: ReturnType<typeof madeBy> | undefined;
  const history = (): ReturnType<typeof madeBy> => (made ??= madeBy(model, step));
  const attributes = new Map<string, boolean>();

  const wordTest = (word: string): Test => {
    // Names are many: without making a lower-case copy of each.
    const pattern = containing(word);
    const holds = (found: string): boolean => pattern.test(found);
    const holdsOften = remembered(holds);
    /** whether a value's name holds it, by its producer: 1 no, 2 yes */
    const values = new Map<Graph, Uint8Array>();
    const valueHolds = (of: Graph, id: number): boolean => {
      let known = values.get(of);
      if (!known) values.set(of, (known = new Uint8Array(of.nodes.length)));
      if (known[id] === 0) known[id] = of.find(id)?.outputs.some(({ name }) => holds(name)) ? 2 : 1;
      return known[id] === 2;
    };
    return ({ node, graph: of }) =>
      holdsOften(opOf(node)) || holds(node.name) || valueHolds(of, node.id) || node.outputs.some(({ type }) => holdsOften(type.text)) ||
      (node.kind === "operator" && (holdsOften(node.domain) || (isFused(node) ? holds(partsOf(of, node).join("+")) : hasAttributes(node) && holds(detailOf(node))))) ||
      node.inputs.some((ref) => ref !== null && valueHolds(of, ref.node));
  };
  const testOf = ({ key, value }: SearchTerm): Test => {
    const wanted = value.toLowerCase();
    const pattern = containing(value);
    const some = (found: string): boolean => pattern.test(found);
    switch (key) {
      case undefined:
        return wordTest(value);
      case "op": {
        const equals = remembered((op: string) => op.toLowerCase() === wanted);
        const domain = /^(.*)::(.+)$/.exec(wanted);
        return ({ node, graph: of }) =>
          equals(opOf(node)) ||
          (node.kind === "operator" && (isFused(node) ? wanted === "fused" || partsOf(of, node).some(equals) : domain !== null && node.op.toLowerCase() === domain[2] && node.domain.toLowerCase() === domain[1]));
      }
      case "name":
        return ({ node }) => some(node.name);
      case "in":
        return ({ node }) => node.kind === "operator" && `/${scopeOf(node).join("/")}/`.toLowerCase().includes(`/${wanted.replace(/^\/|\/$/g, "")}/`);
      case "shape": {
        const matches = remembered(shapeMatcher(value));
        return ({ node }) => node.outputs.some(({ type }) => matches(type.text));
      }
      case "type": {
        const element = shortTypes[wanted] ?? wanted;
        const matches = remembered((type: string) => elementOf(type) === element);
        return ({ node }) => node.outputs.some(({ type }) => matches(type.text));
      }
      case "value":
        return ({ node, graph: of }) => node.outputs.some(({ name }) => some(name)) || node.inputs.some((ref) => ref !== null && some(of.find(ref.node)?.outputs[ref.output]?.name ?? ""));
      case "constant":
        return (candidate) => {
          for (const constant of constantsOf(candidate)) if (some(constant.name) || (constant.value !== undefined && sameValue(constant.value, value))) return true;
          return false;
        };
      case "rewrite": {
        const { rewrites, names } = history();
        if (wanted !== "" && ![...names].some((name) => name.toLowerCase().includes(wanted))) problem("rewrite", value, [...names]);
        return ({ node }) => [...(rewrites.get(node.id) ?? [])].some((name) => some(name));
      }
      case "is":
        if (!searchStates.some((state) => state === wanted)) problem("is", value, searchStates);
        return ({ node, mark }) =>
          wanted === mark || (wanted === "input" ? node.kind === "parameter" : wanted === "fused" ? node.kind === "operator" && isFused(node) : wanted === "custom" && node.kind === "operator" && !isFused(node) && findOperator(node.domain, node.op) === undefined);
      case "has": {
        if (!searchHas.some((each) => each === wanted)) problem("has", value, searchHas);
        if (wanted === "error") {
          const problems = problemsOf(model, step);
          return ({ node }) => problems.has(node.id);
        }
        if (wanted === "constant") return (candidate) => !constantsOf(candidate).next().done;
        if (wanted === "body") return ({ node }) => node.kind === "operator" && !isFused(node) && Object.keys(node.regions).length > 0;
        return ({ node }) => wanted === "unknown-shape" && node.outputs.some(({ name, type }) => name !== "" && (type.text === "?" || type.text.endsWith("[*]")));
      }
      default: {
        attributes.set(key, false);
        const matches = remembered((found: string) => value === "" || value === "*" || sameValue(found, value));
        const read = attributeReader(key);
        return ({ node }) => {
          const found = read(node);
          if (found === undefined) return false;
          attributes.set(key, true);
          return matches(found);
        };
      }
    }
  };

  // The last term may still be written: an empty value asks for nothing yet.
  const open = terms.at(-1);
  const asked = terms.filter((term) => term.key === undefined || term.value !== "" || !searchKeys.some((key) => key === term.key));
  const tests = asked.map((term) => ({ negated: term.negated, test: testOf(term) }));
  const word = asked.find((term) => term.key === undefined && !term.negated)?.value.toLowerCase();
  const anywhere = word === undefined ? undefined : containing(word);
  /** 0: the whole text, 1: its beginning, 2: inside it, 3: found elsewhere */
  const rankOf = (text: string): number => {
    const place = anywhere ? text.search(anywhere) : 0;
    return place < 0 ? 3 : place > 0 ? 2 : text.length === word?.length ? 0 : 1;
  };
  const rankOfOp = remembered(rankOf);
  const ranks: Candidate[][] = [[], [], [], []];
  all.forEach((candidate, i) => {
    if (i % checkEvery === 0) task.check();
    for (const { negated, test } of tests) if (test(candidate) === negated) return;
    ranks[word === undefined ? 0 : Math.min(rankOfOp(opOf(candidate.node)), rankOf(candidate.node.name))]!.push(candidate);
  });
  for (const [name, found] of attributes) if (!found && !someHas(all, name)) problem("attribute", name, [], attributeNames(all));
  if (ranks.every((rank) => rank.length === 0)) {
    const ops = new Set(all.flatMap(({ node, graph: of }) => (node.kind === "operator" && isFused(node) ? partsOf(of, node) : [opOf(node)])));
    for (const { key, value, negated } of asked) if (key === "op" && !negated && value.toLowerCase() !== "fused" && !value.includes("::") && ![...ops].some((op) => op.toLowerCase() === value.toLowerCase())) problem("op", value, [...ops]);
  }
  const found = ranks.flat();
  return {
    count: found.length,
    offset,
    nodes: found.slice(offset, offset + limit).map(hitOf),
    problems,
    suggestions: offset > 0 || text.endsWith(" ") || text === "" ? [] : suggest(all, open, () => [...history().names]),
  };
}

function hitOf({ node, graph, mark }: Candidate): SearchHit {
  const fused = node.kind === "operator" && isFused(node);
  return {
    id: node.id,
    op: fused ? partsOf(graph, node).join(" + ") : opOf(node),
    name: node.name || (node.outputs[0]?.name ?? ""),
    family: node.kind === "parameter" ? "parameter" : fused ? "fused" : (findOperator(node.domain, node.op)?.family ?? "custom"),
    type: node.outputs[0]?.type.text ?? "",
    ...(mark ? { mark } : {}),
  };
}

/** What may stand where the last term is being written, with how many nodes have it. */
function suggest(all: readonly Candidate[], term: SearchTerm | undefined, rewrites: () => readonly string[]): SearchSuggestion[] {
  if (!term) return [];
  const sign = term.negated ? "-" : "";
  const begun = term.value.toLowerCase();
  const counts = new Map<string, number>();
  const add = (value: string): void => void counts.set(value, (counts.get(value) ?? 0) + 1);
  /** counts by what is made of each text */
  const regroup = (of: (text: string) => string): void => {
    const before = [...counts];
    counts.clear();
    for (const [text, count] of before) counts.set(of(text), (counts.get(of(text)) ?? 0) + count);
  };
  const listed = (write: (value: string) => string): SearchSuggestion[] =>
    [...counts]
      .filter(([value]) => value !== "" && value.toLowerCase().startsWith(begun) && value.toLowerCase() !== begun)
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
      .slice(0, limitOfSuggestions)
      .map(([value, count]) => ({ text: sign + write(/\s/.test(value) ? `"${value}"` : value), count }));
  if (term.key === undefined) {
    if (begun.length === 0) return [];
    for (const { node } of all) if (node.kind === "operator") for (const name in node.attributes) add(name);
    const attributes = listed((name) => `${name}=`);
    counts.clear();
    for (const { node } of all) add(opOf(node));
    return [...searchKeys.filter((key) => key.startsWith(begun)).map((key) => ({ text: `${sign}${key}:` })), ...listed((op) => `op:${op}`).slice(0, 4), ...attributes.slice(0, 4)];
  }
  const { key } = term;
  const colon = (value: string): string => `${key}:${value}`;
  switch (key) {
    case "op":
      for (const { node } of all) add(opOf(node));
      return listed(colon);
    case "type":
      for (const { node } of all) for (const { type } of node.outputs) add(type.text);
      regroup(elementOf);
      return listed(colon);
    case "shape":
      for (const { node } of all) for (const { type } of node.outputs) add(type.text);
      regroup((type) => /\[(.+)\]$/.exec(type)?.[1]?.replaceAll(" ", "") ?? "");
      return listed(colon);
    case "rewrite":
      return rewrites().filter((name) => name.toLowerCase().includes(begun) && name !== term.value).slice(0, limitOfSuggestions).map((name) => ({ text: sign + colon(name) }));
    case "is":
    case "has":
      return (key === "is" ? searchStates : searchHas).filter((state) => state.startsWith(begun) && state !== begun).map((state) => ({ text: sign + colon(state) }));
    case "name":
    case "in":
    case "value":
    case "constant":
      return [];
    default: {
      const read = attributeReader(key);
      for (const { node } of all) add(read(node) ?? "");
      return listed((value) => `${key}=${value}`);
    }
  }
}
