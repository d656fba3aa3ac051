import { GraphwrightError } from "../support/diagnostic.ts";
import { Random } from "../support/random.ts";
import type { Attribute, Int } from "./attribute.ts";
import { type Dim, parseDim } from "./dim.ts";
import { elementKind, type ElementType, isElementType } from "./element-type.ts";
import { allocate, fromNumbers, makeTensor, type Tensor } from "./tensor.ts";
import { elementCount, mapType, optionalType, sequenceType, sparseType, tensorType, type TensorType, unknownType, type ValueType } from "./value-type.ts";

export interface Token {
  readonly kind: "word" | "value" | "variable" | "string" | "number" | "punctuation" | "end";
  readonly text: string;
  readonly at: number;
}

const graphTokens =
  /\s+|#[^\n]*|(?<value>%(?:[A-Za-z0-9_./$-]+|"(?:[^"\\]|\\.)*"))|(?<string>"(?:[^"\\]|\\.)*")|(?<number>[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|inf\b|nan\b))|(?<word>@?[A-Za-z_][A-Za-z0-9_.-]*)|(?<punctuation>->|[-(){}[\],=:*?@+/])/y;

/** Those, and what the conditions of custom rewrites add. */
const rewriteTokens =
  /\s+|#[^\n]*|(?<value>%(?:[A-Za-z0-9_./$-]+|"(?:[^"\\]|\\.)*"))|(?<string>"(?:[^"\\]|\\.)*")|(?<number>[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|inf\b|nan\b))|(?<word>@?[A-Za-z_][A-Za-z0-9_.-]*)|(?<variable>\$[A-Za-z_][A-Za-z0-9_]*)|(?<punctuation>->|\.\.\.|!=|<=|>=|[-(){}[\],=:*?@+/<>;±])/y;

/** More elements than anyone writes into a text. */
const mostElements = 2 ** 26;

/**
 * Reads tokens, types and literals of the text IR. What is built of them is up to the classes that extend it.
 * Errors are "text-syntax" with line and column.
 */
export class TextReader {
  private readonly text: string;
  private readonly tokens: Token[] = [];
  private position = 0;

  constructor(text: string, language: "graph" | "rewrite" = "graph") {
    this.text = text;
    const tokenPattern = language === "graph" ? graphTokens : rewriteTokens;
    tokenPattern.lastIndex = 0;
    while (tokenPattern.lastIndex < text.length) {
      const at = tokenPattern.lastIndex;
      const match = tokenPattern.exec(text);
      if (!match) throw this.errorAt(at, `unexpected ${JSON.stringify(text[at])}`);
      const groups = match.groups as Record<string, string | undefined>;
      for (const kind of ["value", "variable", "string", "number", "word", "punctuation"] as const)
        if (groups[kind] !== undefined) this.tokens.push({ kind, text: groups[kind], at });
    }
    this.tokens.push({ kind: "end", text: "the end", at: text.length });
  }

  /** The text between two places, as it was written. */
  protected slice(from: number, to: number): string {
    return this.text.slice(from, to);
  }

  // ---- tokens

  protected errorAt(at: number, message: string): GraphwrightError {
    const before = this.text.slice(0, at).split("\n");
    return new GraphwrightError("text-syntax", `${message}.`, { line: before.length, column: (before.at(-1) as string).length + 1 });
  }

  protected error(message: string): GraphwrightError {
    return this.errorAt(this.peek().at, message);
  }

  protected peek(ahead = 0): Token {
    return this.tokens[Math.min(this.position + ahead, this.tokens.length - 1)] as Token;
  }

  protected next(): Token {
    const token = this.peek();
    this.position++;
    return token;
  }

  protected accept(text: string): boolean {
    const token = this.peek();
    if (token.text !== text || token.kind === "string") return false;
    this.position++;
    return true;
  }

  protected expect(text: string): void {
    if (!this.accept(text)) throw this.error(`expected ${text}, found ${this.peek().text}`);
  }

  protected take(kind: Token["kind"]): Token {
    if (this.peek().kind !== kind) throw this.error(`expected a ${kind}, found ${this.peek().text}`);
    return this.next();
  }

  protected string(): string {
    return JSON.parse(this.take("string").text) as string;
  }

  protected integer(): number {
    const token = this.take("number");
    const value = Number(token.text);
    if (!Number.isSafeInteger(value)) throw this.errorAt(token.at, `${token.text} is not an integer`);
    return value;
  }

  protected valueName(token: Token): string {
    return token.text[1] === '"' ? (JSON.parse(token.text.slice(1)) as string) : token.text.slice(1);
  }

  /** open item, item close */
  protected list<T>(open: string, close: string, item: () => T): T[] {
    this.expect(open);
    const items: T[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(","));
    this.expect(close);
    return items;
  }

  protected operatorName(): { domain: string; op: string; overload: string } {
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

  // ---- types and literals

  protected type(): ValueType {
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

  protected element(word: Token): ElementType {
    if (!isElementType(word.text)) throw this.errorAt(word.at, `${word.text} is not an element type`);
    return word.text;
  }

  protected shape(): Dim[] | null {
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

  protected staticType(): { element: ElementType; dims: number[]; at: number } {
    const { at } = this.peek();
    const element = this.element(this.take("word"));
    const dims = this.shape();
    if (!dims?.every((d): d is number => typeof d === "number")) throw this.errorAt(at, "a tensor literal needs known dimensions");
    return { element, dims, at };
  }

  protected tensorLiteral(): Tensor {
    const { element, dims, at } = this.staticType();
    return this.elements(element, dims, at);
  }

  protected elements(element: ElementType, dims: number[], at: number): Tensor {
    const count = elementCount(dims);
    if (count > mostElements) throw this.errorAt(at, `${count} elements are too many for a text; at most ${mostElements} are read`);
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

  protected toNumber(token: Token): number {
    if (token.kind === "number") return token.text.endsWith("inf") ? (token.text[0] === "-" ? -Infinity : Infinity) : token.text.endsWith("nan") ? NaN : Number(token.text);
    throw this.errorAt(token.at, `expected a number, found ${token.text}`);
  }

  protected number(): number {
    return this.toNumber(this.next());
  }

  protected attribute(): Attribute {
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
