import type { Attribute } from "./attribute.ts";
import { ConstantValue } from "./constant.ts";
import { emptyGraph, rootRegion, type FunctionDefinition, type Graph, type ModelInfo, type RegionId, type ValueRef } from "./graph.ts";
import { Rewriter } from "./rewriter.ts";
import { TextReader, type Token } from "./text-reader.ts";
import type { TypeRules } from "./type-rules.ts";
import { unknownType, type ValueType } from "./value-type.ts";

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

class Parser extends TextReader {
  private readonly options: ParseOptions;
  private rewriter!: Rewriter;
  private scopes: Map<string, ValueRef>[] = [];

  constructor(text: string, options: ParseOptions) {
    super(text);
    this.options = options;
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

  private notes(): { doc: string; metadata: Record<string, string> } {
    const doc = this.accept("doc") ? this.string() : "";
    return { doc, metadata: this.accept("meta") ? this.stringMap() : {} };
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
}
