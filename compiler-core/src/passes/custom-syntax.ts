import type { Attribute } from "../ir/attribute.ts";
import { type ElementType, isElementType } from "../ir/element-type.ts";
import type { Tensor } from "../ir/tensor.ts";
import { TextReader, type Token } from "../ir/text-reader.ts";
import { findOperator } from "../ops/index.ts";
import type { Exactness } from "./definition.ts";
import { nearestNames } from "./driver/nearest-names.ts";

/** An operand of a pattern or a replacement: a value by name, or a number. */
export type Operand = { readonly kind: "value"; readonly name: string } | { readonly kind: "number"; readonly value: number; readonly tolerance: number };

export type AttributeTest = { readonly kind: "equals"; readonly value: Attribute } | { readonly kind: "bind"; readonly variable: string };

export interface PatternNode {
  readonly domain: string;
  readonly op: string;
  readonly inputs: readonly (Operand | null)[];
  /** "" for an output that the pattern does not name */
  readonly outputs: readonly string[];
  readonly attributes: readonly (readonly [name: string, test: AttributeTest])[];
  /** other attributes may have any value; otherwise they must be absent or have their defaults */
  readonly open: boolean;
}

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=";

export const elementClasses = ["float", "integer", "signed", "unsigned", "bool", "string", "complex"] as const;
export type ElementClass = (typeof elementClasses)[number];

/** A dimension of a shape condition: a size, a name (equal names must be proven equal), any, or any number of dimensions. */
export type DimPattern = number | string | "*" | "...";

export type Condition = { readonly text: string; readonly negated: boolean } & (
  | { readonly kind: "constant"; readonly value: string }
  | { readonly kind: "element-class"; readonly value: string; readonly of: ElementClass }
  | { readonly kind: "element"; readonly value: string; readonly equal: boolean; readonly to: ElementType | { readonly value: string } }
  | { readonly kind: "rank" | "uses"; readonly value: string; readonly comparison: Comparison; readonly to: number | { readonly value: string } }
  | { readonly kind: "size"; readonly value: string; readonly axis: number; readonly comparison: Comparison; readonly to: number | { readonly value: string; readonly axis: number } }
  | { readonly kind: "shape"; readonly value: string; readonly to: readonly DimPattern[] | { readonly value: string } }
  | { readonly kind: "value"; readonly value: string; readonly comparison: Comparison; readonly to: number; readonly tolerance: number }
  | { readonly kind: "attribute"; readonly variable: string; readonly comparison: Comparison; readonly to: Attribute }
);

export interface ReplacementConstant {
  readonly kind: "constant";
  readonly name: string;
  readonly value: Tensor | { readonly like: string; readonly dims: readonly number[]; readonly elements: readonly number[] };
}

export interface ReplacementNode {
  readonly kind: "node";
  readonly domain: string;
  readonly op: string;
  readonly inputs: readonly (Operand | null)[];
  readonly outputs: readonly string[];
  readonly attributes: readonly (readonly [name: string, value: Attribute | { readonly kind: "variable"; readonly variable: string }])[];
  /** a value of the pattern whose node's attributes are taken over first */
  readonly copy: string | undefined;
}

export interface CustomSyntax {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly why: string;
  readonly exactness: Exactness;
  /** the values that the pattern starts from */
  readonly parameters: readonly string[];
  readonly pattern: readonly PatternNode[];
  readonly patternResults: readonly string[];
  readonly conditions: readonly Condition[];
  readonly replacement: readonly (ReplacementConstant | ReplacementNode)[];
  readonly replacementResults: readonly string[];
}

const mostNodes = 64;
const mostConditions = 64;
const longestText = 100_000;
const exactnesses: readonly Exactness[] = ["exact", "reassociates", "approximates"];

/** Reads custom rewrites, one after another. Throws "text-syntax" with line and column. */
export function parseCustomSyntax(text: string, taken: readonly string[] = []): (CustomSyntax & { readonly text: string })[] {
  return new CustomReader(text.slice(0, longestText + 1), taken).parse(text.length > longestText);
}

class CustomReader extends TextReader {
  private readonly taken: Set<string>;
  private values = new Set<string>();
  private variables = new Set<string>();

  constructor(text: string, taken: readonly string[]) {
    super(text, "rewrite");
    this.taken = new Set(taken);
  }

  parse(tooLong: boolean): (CustomSyntax & { text: string })[] {
    if (tooLong) throw this.error(`the text is longer than ${longestText} characters`);
    const found: (CustomSyntax & { text: string })[] = [];
    do {
      const start = this.peek().at;
      const syntax = this.rewrite();
      found.push({ ...syntax, text: this.slice(start, this.lastEnd) });
    } while (this.peek().kind !== "end");
    return found;
  }

  private lastEnd = 0;

  private rewrite(): CustomSyntax {
    this.expect("rewrite");
    const nameToken = this.take("string");
    const name = JSON.parse(nameToken.text) as string;
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) throw this.errorAt(nameToken.at, `${JSON.stringify(name)} is not a name: small letters, digits and single hyphens, as in "square-of-sum"`);
    if (this.taken.has(name)) throw this.errorAt(nameToken.at, `there is already a rewrite ${JSON.stringify(name)}`);
    this.taken.add(name);
    this.values = new Set();
    this.variables = new Set();
    this.expect("{");
    const texts: Record<string, string> = {};
    let exactness: Exactness = "reassociates";
    for (;;) {
      const word = this.peek();
      if (word.kind === "word" && ["title", "summary", "why"].includes(word.text)) {
        this.next();
        texts[word.text] = this.string();
      } else if (this.accept("exactness")) {
        const said = this.take("word");
        if (!exactnesses.includes(said.text as Exactness)) throw this.errorAt(said.at, `${said.text} is not one of ${exactnesses.join(", ")}`);
        exactness = said.text as Exactness;
      } else break;
    }
    const patternAt = this.peek().at;
    this.expect("pattern");
    const { parameters, nodes: pattern, results: patternResults } = this.pattern(patternAt);
    const conditions = this.accept("where") ? this.conditions() : [];
    const replaceAt = this.peek().at;
    this.expect("replace");
    const { statements: replacement, results: replacementResults } = this.replacement(replaceAt, patternResults);
    const end = this.peek();
    this.expect("}");
    this.lastEnd = end.at + 1;
    return {
      name,
      title: texts["title"] ?? name[0]!.toUpperCase() + name.slice(1).replaceAll("-", " "),
      summary: texts["summary"] ?? "",
      why: texts["why"] ?? "",
      exactness,
      parameters,
      pattern,
      patternResults,
      conditions,
      replacement,
      replacementResults,
    };
  }

  // ---- pattern

  private pattern(at: number): { parameters: string[]; nodes: PatternNode[]; results: string[] } {
    const parameters = this.list("(", ")", () => this.define());
    this.expect("{");
    const nodes: PatternNode[] = [];
    while (!this.accept("return")) {
      if (this.peek().text === "}") throw this.error("the pattern has no return");
      nodes.push(this.patternNode());
      if (nodes.length > mostNodes) throw this.errorAt(at, `a pattern may have ${mostNodes} nodes`);
    }
    const results = this.results();
    const maker = new Map(nodes.flatMap((node) => node.outputs.filter((name) => name !== "").map((name) => [name, node] as const)));
    for (const { name, token } of results) if (!maker.has(name)) throw this.errorAt(token.at, `${token.text} is not computed by the pattern`);
    const reached = new Set<PatternNode>();
    const pending = [maker.get(results[0]!.name)!];
    for (let node = pending.pop(); node; node = pending.pop()) {
      if (reached.has(node)) continue;
      reached.add(node);
      for (const input of node.inputs) if (input?.kind === "value" && maker.has(input.name)) pending.push(maker.get(input.name)!);
    }
    const loose = nodes.find((node) => !reached.has(node));
    if (loose) throw this.errorAt(at, `%${loose.outputs.find((name) => name !== "") ?? loose.op} does not lead to ${results[0]!.token.text}, the first value returned: it could not be found from there`);
    const used = new Set(nodes.flatMap((node) => node.inputs.flatMap((input) => (input?.kind === "value" ? [input.name] : []))));
    const unused = parameters.find((name) => !used.has(name));
    if (unused !== undefined) throw this.errorAt(at, `%${unused} is not used by the pattern`);
    return { parameters, nodes, results: results.map((r) => r.name) };
  }

  private define(): string {
    const token = this.take("value");
    const name = this.valueName(token);
    if (this.values.has(name)) throw this.errorAt(token.at, `${token.text} is defined twice`);
    this.values.add(name);
    return name;
  }

  private use(): string {
    const token = this.take("value");
    const name = this.valueName(token);
    if (!this.values.has(name)) throw this.errorAt(token.at, `${token.text} is not defined`);
    return name;
  }

  private results(): { name: string; token: Token }[] {
    const results: { name: string; token: Token }[] = [];
    do {
      const token = this.peek();
      results.push({ name: this.use(), token });
    } while (this.accept(","));
    this.expect("}");
    return results;
  }

  /** Names on the left of a statement, taken as defined only once its right side is read. */
  private targets(): { names: string[]; define: () => void } {
    const tokens: (Token | undefined)[] = [];
    do tokens.push(this.accept("_") ? undefined : this.take("value"));
    while (this.accept(","));
    this.expect("=");
    return {
      names: tokens.map((token) => (token ? this.valueName(token) : "")),
      define: () => {
        for (const token of tokens) {
          if (!token) continue;
          const name = this.valueName(token);
          if (this.values.has(name)) throw this.errorAt(token.at, `${token.text} is defined twice`);
          this.values.add(name);
        }
      },
    };
  }

  private operands(): (Operand | null)[] {
    return this.list("(", ")", (): Operand | null => {
      if (this.accept("_")) return null;
      if (this.peek().kind === "number") return { kind: "number", ...this.approximate() };
      return { kind: "value", name: this.use() };
    });
  }

  /** 2.0, or 2.0 ± 1e-6 */
  private approximate(): { value: number; tolerance: number } {
    const value = this.number();
    let tolerance = 0;
    const plus = this.peek().text === "+" && this.peek(1).text === "/" && this.peek(2).text === "-";
    if (plus) for (let i = 0; i < 3; i++) this.next();
    if (plus || this.accept("±")) {
      const token = this.peek();
      tolerance = this.number();
      if (!(tolerance >= 0)) throw this.errorAt(token.at, "a tolerance is not negative");
    }
    return { value, tolerance };
  }

  private operator(): { domain: string; op: string; token: Token; definition: ReturnType<typeof findOperator> } {
    const token = this.peek();
    const { domain, op } = this.operatorName();
    const definition = findOperator(domain, op);
    if (!definition && domain === "") throw this.errorAt(token.at, `there is no operator ${op}`);
    if (definition && ["If", "Loop", "Scan", "SequenceMap"].includes(op) && domain === "") throw this.errorAt(token.at, `${op} has bodies, which a custom rewrite cannot describe`);
    return { domain, op, token, definition };
  }

  private checkArity(node: { op: string; inputs: readonly unknown[]; outputs: readonly unknown[] }, { token, definition }: ReturnType<CustomReader["operator"]>): void {
    if (!definition) return;
    const count = (formals: typeof definition.inputs): number => (formals.at(-1)?.presence === "variadic" ? Infinity : formals.length);
    const most = count(definition.inputs);
    const least = definition.inputs.filter((input) => (input.presence ?? "required") === "required").length;
    if (node.inputs.length < least || node.inputs.length > most) throw this.errorAt(token.at, `${node.op} takes ${least === most ? least : `${least} to ${most}`} inputs, not ${node.inputs.length}`);
    if (node.outputs.length > count(definition.outputs)) throw this.errorAt(token.at, `${node.op} gives at most ${count(definition.outputs)} outputs`);
  }

  private attributeName(op: ReturnType<CustomReader["operator"]>): string {
    const token = this.take("word");
    const attributes = op.definition && (op.definition.attributes ?? {});
    if (attributes && !Object.hasOwn(attributes, token.text)) throw this.errorAt(token.at, `${op.op} has no attribute ${token.text}. ${Object.keys(attributes).length === 0 ? "It has none" : nearestNames(token.text, Object.keys(attributes)).replace(/\.$/, "")}`);
    return token.text;
  }

  private patternNode(): PatternNode {
    const { names, define } = this.targets();
    const operator = this.operator();
    const inputs = this.operands();
    const attributes: [string, AttributeTest][] = [];
    let open = false;
    if (this.peek().text === "{")
      this.list("{", "}", () => {
        if (this.accept("...")) {
          open = true;
          return;
        }
        const name = this.attributeName(operator);
        this.expect("=");
        if (this.peek().kind === "variable") {
          const { text } = this.next();
          this.variables.add(text);
          attributes.push([name, { kind: "bind", variable: text }]);
        } else attributes.push([name, { kind: "equals", value: this.attribute() }]);
      });
    const node: PatternNode = { domain: operator.domain, op: operator.op, inputs, outputs: names, attributes, open };
    this.checkArity(node, operator);
    define();
    return node;
  }

  // ---- conditions

  private conditions(): Condition[] {
    this.expect("{");
    const conditions: Condition[] = [];
    while (!this.accept("}")) {
      while (this.accept(";"));
      if (this.accept("}")) break;
      const { at } = this.peek();
      const negated = this.accept("not");
      const condition = this.condition();
      const end = this.peek();
      conditions.push({ ...condition, negated, text: this.slice(at, end.at).replace(/#[^\n]*/g, "").trim() } as Condition);
      if (conditions.length > mostConditions) throw this.errorAt(at, `a rewrite may have ${mostConditions} conditions`);
      if (!this.accept(";") && this.peek().text === ",") throw this.error("conditions are separated by ; or by new lines");
    }
    return conditions;
  }

  private comparison(allowed: readonly Comparison[] = ["=", "!=", "<", "<=", ">", ">="]): Comparison {
    const token = this.next();
    if (!allowed.includes(token.text as Comparison)) throw this.errorAt(token.at, `expected ${allowed.join(", ")}, found ${token.text}`);
    return token.text as Comparison;
  }

  private inParentheses(): string {
    this.expect("(");
    const name = this.use();
    this.expect(")");
    return name;
  }

  // The result lacks `text` and `negated`, which the caller adds.
  private condition(): object {
    if (this.peek().kind === "variable") {
      const token = this.next();
      if (!this.variables.has(token.text)) throw this.errorAt(token.at, `${token.text} is not bound by an attribute of the pattern`);
      return { kind: "attribute", variable: token.text, comparison: this.comparison(), to: this.attribute() };
    }
    const word = this.take("word");
    switch (word.text) {
      case "constant":
        return { kind: "constant", value: this.inParentheses() };
      case "element": {
        const value = this.inParentheses();
        if (this.accept("is")) {
          const of = this.take("word");
          if (!elementClasses.includes(of.text as ElementClass)) throw this.errorAt(of.at, `${of.text} is not one of ${elementClasses.join(", ")}`);
          return { kind: "element-class", value, of: of.text };
        }
        const equal = this.comparison(["=", "!="]) === "=";
        if (this.accept("element")) return { kind: "element", value, equal, to: { value: this.inParentheses() } };
        const type = this.take("word");
        if (!isElementType(type.text)) throw this.errorAt(type.at, `${type.text} is not an element type`);
        return { kind: "element", value, equal, to: type.text };
      }
      case "rank":
      case "uses": {
        const value = this.inParentheses();
        const comparison = this.comparison();
        const to = this.accept(word.text) ? { value: this.inParentheses() } : this.integer();
        return { kind: word.text, value, comparison, to };
      }
      case "size": {
        const sized = (): { value: string; axis: number } => {
          this.expect("(");
          const value = this.use();
          this.expect(",");
          const axis = this.integer();
          this.expect(")");
          return { value, axis };
        };
        const left = sized();
        const comparison = this.comparison();
        return { kind: "size", ...left, comparison, to: this.accept("size") ? sized() : this.integer() };
      }
      case "shape": {
        const value = this.inParentheses();
        this.comparison(["="]);
        if (this.accept("shape")) return { kind: "shape", value, to: { value: this.inParentheses() } };
        const { at } = this.peek();
        const to = this.list("[", "]", (): DimPattern => {
          for (const sign of ["*", "..."] as const) if (this.accept(sign)) return sign;
          return this.peek().kind === "word" ? this.next().text : this.integer();
        });
        if (to.filter((d) => d === "...").length > 1) throw this.errorAt(at, "a shape may have one ...");
        return { kind: "shape", value, to };
      }
      case "value": {
        const value = this.inParentheses();
        const comparison = this.comparison();
        const { value: number, tolerance } = this.approximate();
        return { kind: "value", value, comparison, to: number, tolerance };
      }
      default:
        throw this.errorAt(word.at, `there is no condition ${word.text}. ${nearestNames(word.text, ["constant", "element", "rank", "uses", "size", "shape", "value"]).replace(/\.$/, "")}`);
    }
  }

  // ---- replacement

  private replacement(at: number, patternResults: readonly string[]): { statements: (ReplacementConstant | ReplacementNode)[]; results: string[] } {
    this.expect("{");
    const statements: (ReplacementConstant | ReplacementNode)[] = [];
    const bound = new Set(this.values);
    const uses: { name: string; token: Token }[] = [];
    while (!this.accept("return")) {
      if (this.peek().text === "}") throw this.error("the replacement has no return");
      statements.push(this.statement(uses));
      if (statements.length > mostNodes) throw this.errorAt(at, `a replacement may have ${mostNodes} statements`);
    }
    const returnAt = this.peek();
    const results = this.results();
    if (results.length !== patternResults.length) throw this.errorAt(returnAt.at, `the pattern returns ${patternResults.length} values, the replacement ${results.length}`);
    for (const [i, name] of patternResults.entries()) {
      if (results[i]!.name === name) continue;
      const use = uses.find((u) => u.name === name);
      if (use) throw this.errorAt(use.token.at, `%${name} is what is replaced, so the replacement cannot use it`);
      const other = results.find((r, k) => r.name === name && k !== i);
      if (other) throw this.errorAt(other.token.at, `%${name} is what is replaced, so the replacement cannot return it in another place`);
    }
    if (results.every((r, i) => r.name === patternResults[i])) throw this.errorAt(returnAt.at, "the replacement is the pattern itself");
    const needed = new Set(results.map((r) => r.name));
    for (const statement of [...statements].reverse()) {
      const outputs = statement.kind === "constant" ? [statement.name] : statement.outputs;
      if (!outputs.some((name) => needed.has(name))) throw this.errorAt(at, `%${outputs.find((n) => n !== "") ?? ""} of the replacement is not used`);
      if (statement.kind === "node") for (const input of statement.inputs) if (input?.kind === "value") needed.add(input.name);
    }
    this.values = bound;
    return { statements, results: results.map((r) => r.name) };
  }

  private statement(uses: { name: string; token: Token }[]): ReplacementConstant | ReplacementNode {
    const first = this.peek();
    const { names, define } = this.targets();
    if (this.accept("constant")) {
      if (names.length !== 1 || names[0] === "") throw this.errorAt(first.at, "a constant has one name");
      let value: ReplacementConstant["value"];
      if (this.accept("like")) {
        const like = this.inParentheses();
        const { at } = this.peek();
        const dims = this.list("[", "]", () => this.integer());
        const elements = this.list("[", "]", () => this.number());
        const count = dims.reduce((a, b) => a * b, 1);
        if (dims.some((d) => d < 0) || elements.length !== count) throw this.errorAt(at, `[${dims.join(", ")}] takes ${count} values, ${elements.length} are given`);
        value = { like, dims, elements };
      } else value = this.tensorLiteral();
      define();
      return { kind: "constant", name: names[0]!, value };
    }
    const operator = this.operator();
    const inputsAt = this.peek();
    const inputs = this.operands();
    for (const input of inputs) if (input?.kind === "value") uses.push({ name: input.name, token: inputsAt });
    const loose = inputs.find((input) => input?.kind === "number" && input.tolerance > 0);
    if (loose) throw this.errorAt(inputsAt.at, "a number of the replacement has no tolerance");
    if (inputs.some((input) => input?.kind === "number") && !inputs.some((input) => input?.kind === "value")) throw this.errorAt(inputsAt.at, "the element type of a number follows from a value beside it: there is none");
    const attributes: [string, Attribute | { kind: "variable"; variable: string }][] = [];
    let copy: string | undefined;
    if (this.peek().text === "{")
      this.list("{", "}", () => {
        if (this.accept("...")) {
          copy = this.use();
          return;
        }
        const name = this.attributeName(operator);
        this.expect("=");
        if (this.peek().kind === "variable") {
          const token = this.next();
          if (!this.variables.has(token.text)) throw this.errorAt(token.at, `${token.text} is not bound by an attribute of the pattern`);
          attributes.push([name, { kind: "variable", variable: token.text }]);
        } else attributes.push([name, this.attribute()]);
      });
    const node: ReplacementNode = { kind: "node", domain: operator.domain, op: operator.op, inputs, outputs: names, attributes, copy };
    this.checkArity(node, operator);
    for (const [name, info] of Object.entries(operator.definition?.attributes ?? {}))
      if (info.required && copy === undefined && !attributes.some(([given]) => given === name)) throw this.errorAt(operator.token.at, `${operator.op} needs the attribute ${name}`);
    define();
    return node;
  }
}

