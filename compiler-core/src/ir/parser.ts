import { GraphwrightError } from "../support/diagnostic.ts";
import { Random } from "../support/random.ts";
import type { Attribute, Int } from "./attribute.ts";
import { ConstantValue } from "./constant.ts";
import { parseDim, type Dim } from "./dim.ts";
import { elementKind, isElementType, type ElementType } from "./element-type.ts";
import { emptyGraph, rootRegion, type FunctionDefinition, type Graph, type ModelInfo, type RegionId, type ValueRef } from "./graph.ts";
import { Rewriter } from "./rewriter.ts";
import { allocate, fromNumbers, makeTensor, type Tensor } from "./tensor.ts";
import type { TypeRules } from "./type-rules.ts";
import { elementCount, mapType, optionalType, sequenceType, sparseType, tensorType, type TensorType, unknownType, type ValueType } from "./value-type.ts";

export interface ParseOptions {
  readonly rules?: TypeRules;
  /** gives the value of a constant written as `elided`, by its name */
  readonly resolve?: (name: string) => ConstantValue | undefined;
  /** defaults that the header, if there is one, overrides */
  readonly info?: Partial<ModelInfo>;
}

/**
 * Reads the text IR that `printGraph` writes. Weights may also be given by generators: `splat(x)`, `random(seed)`
 * (standard normal, integers in -8..7), `uniform(seed, low, high)`. Result types may be left out: they are inferred.
 * Throws GraphwrightError "text-syntax" with line and column.
 */
export function parseGraph(text: string, options: ParseOptions = {}): Graph {
  return new Parser(text, options).parse();
}

interface Token {
  readonly kind: "word" | "value" | "string" | "number" | "punctuation" | "end";
  readonly text: string;
  readonly at: number;
}

const tokenPattern =
  /\s+|#[^\n]*|(?<value>%(?:[A-Za-z0-9_./$-]+|"(?:[^"\\]|\\.)*"))|(?<string>"(?:[^"\\]|\\.)*")|(?<number>[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|inf\b|nan\b))|(?<word>@?[A-Za-z_][A-Za-z0-9_.-]*)|(?<punctuation>->|[-(){}[\],=:*?@+/])/y;

class Parser {
  private readonly text: string;
  private readonly options: ParseOptions;
  private readonly tokens: Token[] = [];
  private position = 0;
  private rewriter!: Rewriter;
  private scopes: Map<string, ValueRef>[] = [];

  constructor(text: string, options: ParseOptions) {
    this.text = text;
    this.options = options;
    tokenPattern.lastIndex = 0;
    while (tokenPattern.lastIndex < text.length) {
      const at = tokenPattern.lastIndex;
      const match = tokenPattern.exec(text);
      if (!match) throw this.errorAt(at, `unexpected ${JSON.stringify(text[at])}`);
      const groups = match.groups as Record<string, string | undefined>;
      for (const kind of ["value", "string", "number", "word", "punctuation"] as const)
        if (groups[kind] !== undefined) this.tokens.push({ kind, text: groups[kind], at });
    }
    this.tokens.push({ kind: "end", text: "the end", at: text.length });
  }

  parse(): Graph {
    const info: Partial<ModelInfo> = { ...this.options.info, ...(this.accept("model") ? this.header() : {}) };
    this.expect("graph");
    const name = this.next();
    const graphName = name.text === "@" ? (JSON.parse(this.take("string").text) as string) : name.text.slice(1);
    this.rewriter = new Rewriter(emptyGraph(info, graphName), this.options.rules);
    this.region(rootRegion, true);
    const functions: FunctionDefinition[] = [];
    while (this.accept("function")) {
      functions.push(this.function());
      this.rewriter.setInfo({ ...this.rewriter.base.info, functions: [...functions] });
    }
    if (this.peek().kind !== "end") throw this.error(`expected the end, found ${this.peek().text}`);
    return this.rewriter.commit({ pass: "parse", rewrite: "parse", site: "", matched: [] }).graph;
  }

  // ---- tokens

  private errorAt(at: number, message: string): GraphwrightError {
    const before = this.text.slice(0, at).split("\n");
    return new GraphwrightError("text-syntax", `${message}.`, { line: before.length, column: (before.at(-1) as string).length + 1 });
  }

  private error(message: string): GraphwrightError {
    return this.errorAt(this.peek().at, message);
  }

  private peek(ahead = 0): Token {
    return this.tokens[Math.min(this.position + ahead, this.tokens.length - 1)] as Token;
  }

  private next(): Token {
    const token = this.peek();
    this.position++;
    return token;
  }

  private accept(text: string): boolean {
    const token = this.peek();
    if (token.text !== text || token.kind === "string") return false;
    this.position++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) throw this.error(`expected ${text}, found ${this.peek().text}`);
  }

  private take(kind: Token["kind"]): Token {
    if (this.peek().kind !== kind) throw this.error(`expected a ${kind}, found ${this.peek().text}`);
    return this.next();
  }

  private string(): string {
    return JSON.parse(this.take("string").text) as string;
  }

  private integer(): number {
    const token = this.take("number");
    const value = Number(token.text);
    if (!Number.isSafeInteger(value)) throw this.errorAt(token.at, `${token.text} is not an integer`);
    return value;
  }

  private valueName(token: Token): string {
    return token.text[1] === '"' ? (JSON.parse(token.text.slice(1)) as string) : token.text.slice(1);
  }

  /** open item, item close */
  private list<T>(open: string, close: string, item: () => T): T[] {
    this.expect(open);
    const items: T[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(","));
    this.expect(close);
    return items;
  }

  // ---- model

  private stringMap(): Record<string, string> {
    return Object.fromEntries(
      this.list("{", "}", () => {
        const key = this.string();
        this.expect("=");
        return [key, this.string()] as const;
      }),
    );
  }

  private versionMap(): Record<string, number> {
    return Object.fromEntries(
      this.list("{", "}", () => {
        const key = this.string();
        this.expect("=");
        return [key, this.integer()] as const;
      }),
    );
  }

  private header(): Partial<ModelInfo> {
    const fields: Record<string, unknown> = {};
    const names: Record<string, [string, () => unknown]> = {
      ir_version: ["irVersion", () => this.integer()],
      opset: ["opsets", () => this.versionMap()],
      format: ["format", () => this.string()],
      producer_name: ["producerName", () => this.string()],
      producer_version: ["producerVersion", () => this.string()],
      domain: ["domain", () => this.string()],
      model_version: ["modelVersion", () => this.integer()],
      doc: ["doc", () => this.string()],
      metadata: ["metadata", () => this.stringMap()],
    };
    this.list("{", "}", () => {
      const token = this.take("word");
      const field = Object.hasOwn(names, token.text) ? names[token.text] : undefined;
      if (!field) throw this.errorAt(token.at, `no header field ${token.text}`);
      this.expect("=");
      fields[field[0]] = field[1]();
    });
    return fields as Partial<ModelInfo>;
  }

  private function(): FunctionDefinition {
    const domain = this.string();
    const name = this.string();
    const overload = this.accept("overload") ? this.string() : "";
    const attributeNames: string[] = [];
    const attributeDefaults: Record<string, Attribute> = {};
    this.expect("attributes");
    this.list("{", "}", () => {
      const attribute = this.take("word").text;
      if (this.accept("=")) attributeDefaults[attribute] = this.attribute();
      else attributeNames.push(attribute);
    });
    this.expect("opset");
    const opsets = this.versionMap();
    const region = this.rewriter.addRegion(name);
    this.region(region, true);
    return { domain, name, overload, doc: this.rewriter.region(region).doc, attributeNames, attributeDefaults, region, opsets, metadata: {} };
  }

  // ---- regions and nodes

  private region(region: RegionId, withResults: boolean): void {
    this.scopes.push(new Map());
    this.list("(", ")", () => {
      const token = this.take("value");
      const name = this.valueName(token);
      const type = this.accept(":") ? this.type() : unknownType;
      const fallback = this.accept("=") ? this.constant(name).value : undefined;
      const notes = this.notes();
      this.bind(token, this.rewriter.addParameter({ name, type, region, ...notes, ...(fallback ? { fallback } : {}) }));
    });
    const declared: { name: string; type: ValueType; doc: string }[] = [];
    if (withResults) {
      this.expect("->");
      declared.push(
        ...this.list("(", ")", () => {
          const name = this.valueName(this.take("value"));
          const type = this.accept(":") ? this.type() : unknownType;
          return { name, type, doc: this.notes().doc };
        }),
      );
    }
    const { doc } = this.notes();
    if (doc) this.rewriter.describeRegion(region, this.rewriter.region(region).name, doc);
    this.expect("{");
    while (!this.accept("}")) {
      if (this.accept("return")) this.results(region, withResults ? declared : undefined);
      else this.statement(region);
    }
    this.scopes.pop();
  }

  private results(region: RegionId, declared: { name: string; type: ValueType; doc: string }[] | undefined): void {
    let index = 0;
    do {
      const token = this.take("value");
      const value = this.lookup(token);
      const name = this.accept("as") ? this.string() : this.valueName(token);
      const said = declared?.[index++];
      if (said && said.name !== name) throw this.errorAt(token.at, `the graph declares output ${said.name} here, but ${name} is returned`);
      this.rewriter.addOutput(region, { name, value, declared: said?.type ?? unknownType, doc: said?.doc ?? "" });
    } while (this.accept(","));
  }

  private bind(token: Token, ref: ValueRef): void {
    const scope = this.scopes.at(-1) as Map<string, ValueRef>;
    const name = this.valueName(token);
    if (scope.has(name)) throw this.errorAt(token.at, `${token.text} is defined twice`);
    scope.set(name, ref);
  }

  private lookup(token: Token): ValueRef {
    const name = this.valueName(token);
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const ref = this.scopes[i]!.get(name);
      if (ref) return ref;
    }
    throw this.errorAt(token.at, `${token.text} is not defined`);
  }

  private statement(region: RegionId): void {
    const targets: { token: Token | null; type: ValueType }[] = [];
    do {
      if (this.accept("_")) targets.push({ token: null, type: unknownType });
      else {
        const token = this.take("value");
        targets.push({ token, type: this.accept(":") ? this.type() : unknownType });
      }
    } while (this.accept(","));
    this.expect("=");
    if (this.peek().text === "constant") {
      const target = targets[0]!.token as Token;
      const name = this.valueName(target);
      const constant = this.constant(name);
      const nodeName = this.peek().kind === "string" ? this.string() : "";
      this.bind(target, this.rewriter.addConstant({ ...constant, name, nodeName, region, ...this.notes() }));
      return;
    }
    const { domain, op, overload } = this.operatorName();
    const inputs = this.list("(", ")", () => (this.accept("_") ? null : this.lookup(this.take("value"))));
    const attributes: Record<string, Attribute> = {};
    if (this.peek().text === "{" && this.peek().kind === "punctuation")
      this.list("{", "}", () => {
        const name = this.take("word").text;
        this.expect("=");
        attributes[name] = this.attribute();
      });
    const name = this.peek().kind === "string" ? this.string() : "";
    const notes = this.notes();
    const regions: Record<string, RegionId> = {};
    while (this.peek().kind === "word" && this.peek(1).text === "(" && this.peek().text !== "return") {
      const body = this.next().text;
      const inner = this.rewriter.addRegion();
      this.region(inner, false);
      regions[body] = inner;
    }
    const id = this.rewriter.addNode({
      op,
      domain,
      overload,
      inputs,
      attributes,
      outputs: targets.map((t) => ({ name: t.token ? this.valueName(t.token) : "", type: t.type })),
      name,
      regions,
      region,
      ...notes,
    });
    for (const [output, target] of targets.entries()) if (target.token) this.bind(target.token, { node: id, output });
  }

  private operatorName(): { domain: string; op: string; overload: string } {
    const overload = (): string => (this.accept(":") ? this.next().text : "");
    if (this.peek().kind === "string") {
      const domain = this.string();
      const op = this.take("word").text.replace(/^\./, "");
      return { domain, op, overload: overload() };
    }
    const word = this.take("word").text;
    const dot = word.lastIndexOf(".");
    return dot < 0 ? { domain: "", op: word, overload: overload() } : { domain: word.slice(0, dot), op: word.slice(dot + 1), overload: overload() };
  }

  private notes(): { doc: string; metadata: Record<string, string> } {
    const doc = this.accept("doc") ? this.string() : "";
    return { doc, metadata: this.accept("meta") ? this.stringMap() : {} };
  }

  // ---- types and literals

  private type(): ValueType {
    if (this.accept("?")) {
      if (this.peek().text !== "[") return unknownType;
      return tensorType(null, this.shape());
    }
    const word = this.take("word");
    const wrapped = <T>(make: () => T): T => {
      this.expect("(");
      const inner = make();
      this.expect(")");
      return inner;
    };
    if (word.text === "seq") return wrapped(() => sequenceType(this.type()));
    if (word.text === "optional") return wrapped(() => optionalType(this.type()));
    if (word.text === "sparse")
      return wrapped(() => {
        const inner = this.type() as TensorType;
        return sparseType(inner.element, inner.shape);
      });
    if (word.text === "map")
      return wrapped(() => {
        const key = this.element(this.take("word"));
        this.expect(",");
        return mapType(key, this.type());
      });
    return tensorType(this.element(word), this.shape());
  }

  private element(word: Token): ElementType {
    if (!isElementType(word.text)) throw this.errorAt(word.at, `${word.text} is not an element type`);
    return word.text;
  }

  private shape(): Dim[] | null {
    this.expect("[");
    if (this.accept("*")) {
      this.expect("]");
      return null;
    }
    const dims: Dim[] = [];
    while (!this.accept("]")) {
      if (dims.length > 0) this.expect(",");
      const start = this.peek().at;
      let depth = 0;
      let end = start;
      while (depth > 0 || (this.peek().text !== "," && this.peek().text !== "]")) {
        const token = this.next();
        if (token.kind === "end") throw this.error("the shape is not closed");
        if (token.text === "(") depth++;
        if (token.text === ")") depth--;
        end = token.at + token.text.length;
      }
      try {
        dims.push(parseDim(this.text.slice(start, end)));
      } catch (error) {
        throw this.errorAt(start, (error as Error).message);
      }
    }
    return dims;
  }

  private staticType(): { element: ElementType; dims: number[]; at: number } {
    const { at } = this.peek();
    const element = this.element(this.take("word"));
    const dims = this.shape();
    if (!dims?.every((d): d is number => typeof d === "number")) throw this.errorAt(at, "a tensor literal needs known dimensions");
    return { element, dims, at };
  }

  private tensorLiteral(): Tensor {
    const { element, dims, at } = this.staticType();
    return this.elements(element, dims, at);
  }

  private elements(element: ElementType, dims: number[], at: number): Tensor {
    const count = elementCount(dims);
    const generate = (make: (i: number) => number): Tensor => fromNumbers(element, dims, Float64Array.from({ length: count }, (_, i) => make(i)));
    if (this.accept("splat")) {
      const [value] = this.list("(", ")", () => this.number());
      return generate(() => value as number);
    }
    if (this.accept("random")) {
      const [seed] = this.list("(", ")", () => this.number());
      const random = new Random(seed as number);
      return generate(() => (elementKind(element) === "float" ? random.normal() : elementKind(element) === "int" ? random.below(16) - 8 : random.below(element === "bool" ? 2 : 4)));
    }
    if (this.accept("uniform")) {
      const [seed, low, high] = this.list("(", ")", () => this.number());
      const random = new Random(seed as number);
      return generate(() => (low as number) + random.uniform() * ((high as number) - (low as number)));
    }
    const tokens = this.list("[", "]", () => this.next());
    const expected = elementKind(element) === "complex" ? 2 * count : count;
    if (tokens.length !== expected) throw this.errorAt(at, `${element}[${dims.join(", ")}] takes ${expected} values, ${tokens.length} are given`);
    if (element === "string") return makeTensor(element, dims, tokens.map((t) => JSON.parse(t.text) as string));
    if (element === "int64" || element === "uint64") {
      const data = allocate(element, count) as BigInt64Array;
      for (const [i, t] of tokens.entries()) data[i] = BigInt(t.text);
      return makeTensor(element, dims, data);
    }
    const numbers = tokens.map((t) => (t.text === "true" ? 1 : t.text === "false" ? 0 : this.toNumber(t)));
    if (elementKind(element) === "complex") return makeTensor(element, dims, element === "complex64" ? Float32Array.from(numbers) : Float64Array.from(numbers));
    return fromNumbers(element, dims, numbers);
  }

  private toNumber(token: Token): number {
    if (token.kind === "number") return token.text.endsWith("inf") ? (token.text[0] === "-" ? -Infinity : Infinity) : token.text.endsWith("nan") ? NaN : Number(token.text);
    throw this.errorAt(token.at, `expected a number, found ${token.text}`);
  }

  private number(): number {
    return this.toNumber(this.next());
  }

  private constant(name: string): { value: ConstantValue; storage: "initializer" | "node" } {
    this.expect("constant");
    const storage = this.accept("node") ? "node" : "initializer";
    const { element, dims, at } = this.staticType();
    if (!this.accept("elided")) return { value: ConstantValue.of(this.elements(element, dims, at)), storage };
    const value = this.options.resolve?.(name);
    if (!value) throw this.errorAt(at, `the value of %${name} is elided and cannot be found`);
    return { value, storage };
  }

  private attribute(): Attribute {
    const token = this.peek();
    if (token.kind === "string") return { kind: "string", value: this.string() };
    if (token.kind === "number") {
      this.next();
      return isFloatText(token.text) ? { kind: "float", value: this.toNumber(token) } : { kind: "int", value: toInt(token.text) };
    }
    if (this.accept("tensor")) return { kind: "tensor", value: this.tensorLiteral() };
    if (this.accept("type")) return { kind: "type", value: this.type() };
    if (this.accept("bytes")) return { kind: "bytes", value: Uint8Array.from(this.string().match(/../g) ?? [], (h) => Number.parseInt(h, 16)) };
    if (this.accept("ref")) {
      const of = this.take("word").text;
      return { kind: "ref", of, name: this.string() };
    }
    if (this.accept("sparse")) {
      const dims = this.list("[", "]", () => this.integer());
      const values = this.tensorLiteral();
      this.expect("at");
      return { kind: "sparse", values, indices: this.tensorLiteral(), dims };
    }
    for (const kind of ["ints", "floats", "strings", "tensors", "types"] as const)
      if (this.accept(kind)) {
        this.list("[", "]", () => this.next());
        return { kind, value: [] };
      }
    const items = this.list("[", "]", () => this.attribute());
    const kinds = new Set(items.map((i) => i.kind));
    const [kind] = kinds;
    if (kinds.size !== 1) throw this.errorAt(token.at, "the items of a list must be of one kind");
    const values = items.map((i) => (i as { value: unknown }).value);
    switch (kind) {
      case "int":
        return { kind: "ints", value: values as Int[] };
      case "float":
        return { kind: "floats", value: values as number[] };
      case "string":
        return { kind: "strings", value: values as string[] };
      case "tensor":
        return { kind: "tensors", value: values as Tensor[] };
      case "type":
        return { kind: "types", value: values as ValueType[] };
      default:
        throw this.errorAt(token.at, `a list of ${kind ?? "nothing"} is not an attribute`);
    }
  }
}

const isFloatText = (text: string): boolean => /[.eE]|inf|nan/.test(text);

function toInt(text: string): Int {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
