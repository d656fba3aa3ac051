import { elementKind, elementTypes, type ElementType, isElementType } from "../ir/element-type.ts";
import { elementCount } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { tableBuffer } from "./build.ts";
import { integer, integerRange, isComparison, number, truth, typeOf, variable } from "./expression.ts";
import { layoutProblem, packedDims, parseLayoutPart, printLayout } from "./layout.ts";
import { binaryCalls, blockWords, infix, loopWords, parameterScopes, unaryCalls } from "./printer.ts";
import type { Axis, BinaryOp, Buffer, Expression, ExpressionType, Loop, LoopKind, Statement, TensorProgram, UnaryOp, Variable } from "./program.ts";

/**
 * Reads the text of a tensor program as `printProgram` writes it; the grammar is in docs/tensor-programs.md. What is read is
 * built as it stands: nothing is folded or simplified, so that a printed program and the one read of its text are equal.
 * Names, ranks and types are checked; bounds, races and coverage are the verifier's. Errors are "program-syntax" with line, column, what
 * was expected and what to do.
 */
export const parseProgram = (text: string): TensorProgram => new ProgramParser(text).program();

type TokenKind = "word" | "string" | "number" | "punctuation" | "newline" | "indent" | "dedent" | "end";

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly at: number;
}

const tokenPattern = /(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<string>"(?:[^"\\\n]|\\.)*")|(?<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|(?<punctuation>\/\/|<=|>=|==|!=|[-+*/%<>=()[\],:])/y;

/** More elements than anyone writes into a table. */
const mostElements = 2 ** 24;

const operators = new Map<string, { readonly op: BinaryOp; readonly precedence: number }>(Object.entries(infix).map(([op, [symbol, precedence]]) => [symbol, { op: op as BinaryOp, precedence }]));
const unaries = new Set<string>(unaryCalls);
const binaries = new Set<string>(binaryCalls);
const modes = new Map(Object.entries(loopWords).map(([mode, word]) => [word, mode as LoopKind]));

const isInteger = (type: ExpressionType): boolean => type === "index" || elementKind(type) === "int" || elementKind(type) === "uint";

/** Where a name was made. */
interface Binding<T> {
  readonly what: T;
  readonly at: number;
}

class ProgramParser {
  private readonly text: string;
  private readonly tokens: Token[] = [];
  private position = 0;
  /** every name of a buffer, loop, axis or block that was made so far, in scope or not */
  private readonly taken = new Map<string, number>();
  private variables: Map<string, Binding<Variable>> = new Map();
  private buffers: Map<string, Binding<Buffer>> = new Map();

  constructor(text: string) {
    this.text = text;
    this.tokenize();
  }

  // ---- tokens

  private tokenize(): void {
    const indents = [0];
    let at = 0;
    /** brackets that are open: a line goes on inside them */
    let open = 0;
    let lineStart = true;
    const push = (kind: TokenKind, text: string, place: number): void => void this.tokens.push({ kind, text, at: place });
    while (at < this.text.length) {
      if (lineStart && open === 0) {
        let to = at;
        while (this.text[to] === " ") to++;
        if (this.text[to] === "\t") throw this.errorAt(to, "unexpected tab at the start of a line", "Indent with spaces.");
        // Lines without a statement do not count.
        if (this.text[to] !== undefined && this.text[to] !== "\n" && this.text[to] !== "\r" && this.text[to] !== "#") {
          const depth = to - at;
          if (depth > indents.at(-1)!) {
            indents.push(depth);
            push("indent", "a deeper line", to);
          }
          while (depth < indents.at(-1)!) {
            indents.pop();
            push("dedent", "a line less deep", to);
          }
          if (depth !== indents.at(-1)) throw this.errorAt(to, `the line is indented by ${depth} spaces, like no line around it`, `Lines here start after ${indents.join(" or ")} spaces.`);
        }
        at = to;
        lineStart = false;
        continue;
      }
      const character = this.text[at]!;
      if (character === "\n") {
        if (open === 0 && this.tokens.length > 0 && !["newline", "indent", "dedent"].includes(this.tokens.at(-1)!.kind)) push("newline", "the end of the line", at);
        at++;
        lineStart = true;
      } else if (character === " " || character === "\r" || character === "\t") at++;
      else if (character === "#") {
        while (at < this.text.length && this.text[at] !== "\n") at++;
      } else {
        tokenPattern.lastIndex = at;
        const groups = tokenPattern.exec(this.text)?.groups;
        if (!groups) throw this.errorAt(at, `unexpected ${JSON.stringify(character)}`);
        for (const kind of ["word", "string", "number", "punctuation"] as const) {
          const found = groups[kind];
          if (found === undefined) continue;
          push(kind, found, at);
          if (found === "(" || found === "[") open++;
          if (found === ")" || found === "]") open = Math.max(0, open - 1);
          at += found.length;
          break;
        }
      }
    }
    if (this.tokens.length > 0 && this.tokens.at(-1)!.kind !== "newline") push("newline", "the end of the line", at);
    while (indents.length > 1) {
      indents.pop();
      push("dedent", "the end", at);
    }
    push("end", "the end", at);
  }

  private lineOf(at: number): number {
    let line = 1;
    for (let i = this.text.indexOf("\n"); i >= 0 && i < at; i = this.text.indexOf("\n", i + 1)) line++;
    return line;
  }

  private errorAt(at: number, message: string, hint?: string): GraphwrightError {
    const start = at === 0 ? 0 : this.text.lastIndexOf("\n", at - 1) + 1;
    return new GraphwrightError("program-syntax", `${message}.`, { line: this.lineOf(at), column: at - start + 1 }, hint);
  }

  private peek(ahead = 0): Token {
    return this.tokens[Math.min(this.position + ahead, this.tokens.length - 1)]!;
  }

  private next(): Token {
    const token = this.peek();
    this.position++;
    return token;
  }

  private is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.text === text && (token.kind === "word" || token.kind === "punctuation");
  }

  private accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.position++;
    return true;
  }

  private unexpected(expected: string, hint?: string): GraphwrightError {
    return this.errorAt(this.peek().at, `expected ${expected}, found ${this.peek().text}`, hint);
  }

  private expect(text: string, hint?: string): void {
    if (!this.accept(text)) throw this.unexpected(text, hint);
  }

  private take(kind: TokenKind, expected: string): Token {
    if (this.peek().kind !== kind) throw this.unexpected(expected);
    return this.next();
  }

  private name(of: string): Token {
    const token = this.peek();
    if (token.kind === "string") return { ...this.next(), text: JSON.parse(token.text) as string };
    return this.take("word", `the name of ${of}`);
  }

  private whole(of: string, least = 0): number {
    const token = this.peek();
    const value = Number(token.text);
    if (token.kind !== "number" || !Number.isSafeInteger(value) || value < least || /[.eE]/.test(token.text)) throw this.unexpected(`${of}, a whole number${least > 0 ? ` from ${least} on` : ""}`);
    this.next();
    return value;
  }

  private list<T>(open: string, close: string, item: () => T): T[] {
    this.expect(open);
    const items: T[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(","));
    if (!this.accept(close)) throw this.unexpected(`, or ${close}`);
    return items;
  }

  // ---- names

  private claim(name: Token): void {
    const before = this.taken.get(name.text);
    if (before !== undefined) throw this.errorAt(name.at, `the name ${name.text} is taken in line ${this.lineOf(before)}`, "Buffers, loops, axes and blocks have names of their own: give it another one.");
    this.taken.set(name.text, name.at);
  }

  private makeVariable(name: Token): Variable {
    this.claim(name);
    const made = variable(name.text);
    this.variables.set(name.text, { what: made, at: name.at });
    return made;
  }

  /** Runs `body` with names of its own: what is made in it ends with it. */
  private scoped<T>(body: () => T): T {
    const { variables, buffers } = this;
    this.variables = new Map(variables);
    this.buffers = new Map(buffers);
    const result = body();
    this.variables = variables;
    this.buffers = buffers;
    return result;
  }

  private unknownName(name: Token, kind: "buffer" | "variable"): GraphwrightError {
    const known = kind === "buffer" ? this.buffers : this.variables;
    const made = this.taken.get(name.text);
    const hint = made !== undefined
      ? (kind === "buffer" ? this.variables : this.buffers).has(name.text)
        ? kind === "buffer" ? "It is a loop or an axis, which has no elements." : `It is a buffer: write its element as ${name.text}[...].`
        : `${name.text} of line ${this.lineOf(made)} ends with the statement that made it.`
      : known.size > 0 ? `Known here: ${[...known.keys()].slice(-12).join(", ")}.` : undefined;
    return this.errorAt(name.at, `there is no ${kind === "buffer" ? "buffer" : "loop, axis or size"} ${name.text} here`, hint);
  }

  private bufferNamed(name: Token): Buffer {
    const found = this.buffers.get(name.text);
    if (!found) throw this.unknownName(name, "buffer");
    return found.what;
  }

  // ---- the program

  program(): TensorProgram {
    this.expect("program", 'A program starts with its head: "program name(input x: float32[4], output y: float32[4]):".');
    const name = this.name("the program").text;
    this.declareSizes();
    const parameters: Buffer[] = [];
    this.list("(", ")", () => {
      if (this.accept("size")) {
        this.next();
        this.expect("<=");
        this.whole("the bound of the size", 1);
        return;
      }
      const scope = parameterScopes.find((s) => s === this.peek().text);
      if (!scope || this.peek().kind !== "word") throw this.unexpected(`${parameterScopes.join(", ")} or size`, 'A parameter is written as "input x: float32[4, 6]".');
      this.next();
      parameters.push(this.buffer(scope));
    });
    const body = this.body("the program");
    if (this.peek().kind !== "end") throw this.unexpected("the end", "A text holds one program; what belongs to it is indented below its head.");
    return { name, parameters, body };
  }

  /** Shapes may mention sizes before the head lists them. */
  private declareSizes(): void {
    const start = this.position;
    for (let depth = 0; this.peek().kind !== "end" && this.peek().kind !== "newline"; this.position++) {
      if (this.is("(") || this.is("[")) depth++;
      if ((this.is(")") || this.is("]")) && --depth === 0) break;
      if (depth !== 1 || !this.is("size") || !(this.is("(", -1) || this.is(",", -1))) continue;
      this.next();
      const name = this.name("the size");
      this.claim(name);
      this.expect("<=", 'A size of run time has a bound: "size n <= 8".');
      this.variables.set(name.text, { what: { kind: "variable", name: name.text, max: this.whole("the bound of the size", 1) }, at: name.at });
      this.position--;
    }
    this.position = start;
  }

  /** name: element[dims], and for a weight that is packed its layout and its dimensions before */
  private buffer(scope: Buffer["scope"]): Buffer {
    const name = this.name("the buffer");
    this.claim(name);
    this.expect(":", `A buffer has a type: "${name.text}: float32[4, 6]".`);
    const type = this.peek();
    if (type.kind !== "word" || !isElementType(type.text)) throw this.unexpected("an element type", `Like ${Object.keys(elementTypes).slice(0, 4).join(", ")}.`);
    this.next();
    const element = type.text;
    const shape: Expression[] = [];
    const dims = this.list("[", "]", () => {
      const before = this.position;
      if (this.peek().kind === "number" && (this.is(",", 1) || this.is("]", 1))) {
        const extent = this.whole("a dimension");
        shape.push(integer(extent));
        return extent;
      }
      const at = this.peek().at;
      const e = this.expression(4);
      if (typeOf(e) !== "index") throw this.errorAt(at, "a dimension is a number, or an expression over sizes");
      if (!this.accept("<=")) {
        if (this.position === before + 1) throw this.unexpected("<=", "A dimension that depends on sizes has a bound: n <= 8.");
        throw this.unexpected("<= and the bound of the dimension");
      }
      shape.push(e);
      return this.whole("the bound of the dimension");
    });
    let made: Buffer = { name: name.text, element, dims: Object.freeze(dims), scope, ...(shape.every((e) => e.kind === "integer") ? {} : { shape }) };
    if (this.is("packed")) {
      const { at } = this.next();
      if (scope !== "weight") throw this.errorAt(at, "only a weight is packed");
      const layout = this.list("[", "]", () => {
        const start = this.peek().at;
        while (!this.is(",") && !this.is("]") && this.peek().kind !== "end") this.next();
        const part = parseLayoutPart(this.text.slice(start, this.peek().at).trim());
        if (!part) throw this.errorAt(start, "expected a part of a dimension", "Like 0, 0/16, 0%16 or 0/4%8: a dimension, a divisor, a modulus.");
        return part;
      });
      this.expect("of", "The dimensions before it was packed follow: packed [0/4, 1, 0%4] of [6, 9].");
      const before = this.list("[", "]", () => this.whole("a dimension"));
      const problem = layoutProblem(layout, before.length);
      if (problem !== undefined) throw this.errorAt(at, `the layout ${printLayout(layout)} does not hold each element at one place: ${problem}`);
      const packed = packedDims(layout, before);
      if (packed.join() !== dims.join()) throw this.errorAt(type.at, `[${before.join(", ")}] laid out as ${printLayout(layout)} is [${packed.join(", ")}], not [${dims.join(", ")}]`);
      made = { ...made, packed: { dims: before, layout } };
    }
    this.buffers.set(name.text, { what: made, at: name.at });
    return made;
  }

  // ---- statements

  /** ":" and the indented lines below it */
  private body(of: string): Statement[] {
    this.expect(":");
    return this.scoped(() => this.indented(of, () => this.statements()));
  }

  private indented<T>(of: string, inside: () => T): T {
    this.take("newline", "the end of the line");
    if (this.peek().kind !== "indent") throw this.unexpected(`the lines of ${of}, indented`, 'Write "pass" for none.');
    this.next();
    const result = inside();
    if (this.peek().kind !== "dedent") throw this.unexpected("a statement");
    this.next();
    return result;
  }

  private statements(): Statement[] {
    const found: Statement[] = [];
    while (this.peek().kind !== "dedent" && this.peek().kind !== "end") {
      if (this.is("pass") && !this.is("[", 1)) {
        this.next();
        this.endLine();
      } else found.push(this.statement());
    }
    return found;
  }

  private endLine(): void {
    if (this.peek().kind !== "newline") throw this.unexpected("the end of the line");
    this.next();
  }

  private statement(): Statement {
    const first = this.peek();
    // What is followed by [ is an element, whatever it is called.
    if (!this.is("[", 1)) {
      if (this.is("for")) return this.loop();
      if (this.is("if")) return this.guard();
      if (this.is("block")) return this.block();
      if (this.is("local") || this.is("table")) return this.allocate();
      if (first.kind === "indent") throw this.unexpected("a statement", "The line is deeper than the one above it, which takes no lines.");
      if (first.kind === "word" && (blockWords as readonly string[]).includes(first.text)) throw this.unexpected("a statement", `${first.text} stands at the start of a block.`);
      if (this.is("else")) throw this.unexpected("a statement", "An else follows the lines of its if, as deep as the if.");
      if (this.is("prefetch")) throw this.unexpected("a statement", "A prefetch is the first line of its loop.");
      if (first.kind !== "word" && first.kind !== "string") throw this.unexpected("a statement", "For, if, block, local, table, pass, or a store like y[i, j] = x[i] + 1.0.");
      if (!this.buffers.has(first.text)) throw this.unexpected("a statement", "For, if, block, local, table, pass, or a store like y[i, j] = x[i] + 1.0.");
    }
    const name = this.name("a buffer");
    const to = this.bufferNamed(name);
    const indices = this.indices(to, name);
    this.expect("=", "A store gives an element a value: y[i, j] = x[i] + 1.0.");
    const { at } = this.peek();
    const value = this.expression();
    const type = typeOf(value);
    if (type !== to.element && !(type === "index" && isInteger(to.element))) throw this.errorAt(at, `${to.name} holds ${to.element}, and the value is ${type}`, this.convert(value, to.element));
    this.endLine();
    return { kind: "store", buffer: to, indices, value };
  }

  /** what makes an element type of an expression */
  private convert(e: Expression, element: ElementType): string {
    if (e.kind === "integer" && element === "float32") return `Write ${e.value}.0.`;
    return `Convert it: ${element}(...).`;
  }

  private loop(): Loop {
    this.next();
    const name = this.name("the loop");
    this.expect("in", `A loop is written as "for ${name.text} in range(8):".`);
    const mode = modes.get(this.peek().text);
    if (mode === undefined || this.peek().kind !== "word") throw this.unexpected(`the kind of the loop, ${[...modes.keys()].join(", ")}`);
    this.next();
    this.expect("(");
    let count: Expression | undefined;
    let extent: number;
    if (this.peek().kind === "number" && this.is(")", 1)) extent = this.whole("the number of iterations");
    else {
      const { at } = this.peek();
      count = this.expression(4);
      if (typeOf(count) !== "index") throw this.errorAt(at, "the number of iterations is a whole number, or an expression over sizes");
      this.expect("<=", "A number of iterations that depends on sizes has a bound: range(n <= 8).");
      extent = this.whole("the bound of the iterations");
    }
    this.expect(")");
    this.expect(":");
    return this.scoped(() => {
      const v = this.makeVariable(name);
      let prefetch: Loop["prefetch"];
      const body = this.indented(`the loop ${name.text}`, () => {
        if (this.is("prefetch") && !this.is("[", 1)) {
          this.next();
          const lines = this.whole("the number of lines", 1);
          this.expect("lines");
          this.expect("of");
          const from = this.bufferNamed(this.name("a buffer"));
          this.expect("at");
          const { at } = this.peek();
          const index = this.expression();
          if (typeOf(index) !== "index") throw this.errorAt(at, "the place to prefetch from is an index");
          prefetch = { buffer: from, index, lines };
          this.endLine();
        }
        return this.statements();
      });
      return { kind: "for", variable: v, extent, ...(count ? { count } : {}), mode, body, ...(prefetch ? { prefetch } : {}) };
    });
  }

  private condition(): Expression {
    const { at } = this.peek();
    const e = this.expression();
    if (typeOf(e) !== "bool") throw this.errorAt(at, `a condition is bool, this is ${typeOf(e)}`, "Compare it: x[i] > 0.0, or i < 4.");
    return e;
  }

  private guard(): Statement {
    this.next();
    const condition = this.condition();
    const then = this.body("the if");
    if (!this.is("else") || this.is("[", 1)) return { kind: "if", condition, then };
    this.next();
    return { kind: "if", condition, then, otherwise: this.body("the else") };
  }

  private block(): Statement {
    this.next();
    const name = this.name("the block");
    this.claim(name);
    this.expect(":");
    return this.scoped(() => this.indented(`the block ${name.text}`, () => {
      const axes: Axis[] = [];
      const bindings: Expression[] = [];
      // Bindings are expressions of the loops around the block, not of its axes.
      const outside = this.variables;
      const inside = new Map(outside);
      for (;;) {
        const kind = this.is("spatial") ? "spatial" : this.is("reduce") ? "reduce" : undefined;
        if (!kind || this.is("[", 1)) break;
        this.next();
        do {
          const axis = this.name("the axis");
          this.claim(axis);
          this.expect("<", `An axis has an extent and a value: "${kind} ${axis.text} < 8 = i".`);
          const extent = this.whole("the extent of the axis");
          this.expect("=", `An axis has an extent and a value: "${kind} ${axis.text} < ${extent} = i".`);
          const { at } = this.peek();
          const binding = this.expression();
          if (typeOf(binding) !== "index") throw this.errorAt(at, `an axis takes an index, this is ${typeOf(binding)}`);
          const made = variable(axis.text);
          inside.set(axis.text, { what: made, at: axis.at });
          axes.push({ variable: made, extent, kind });
          bindings.push(binding);
        } while (this.accept(","));
        this.endLine();
      }
      this.variables = inside;
      let init: Statement[] | undefined;
      if (this.is("init") && !this.is("[", 1)) {
        this.next();
        init = this.body("init");
      }
      return { kind: "block", name: name.text, axes, bindings, ...(init ? { init } : {}), body: this.statements() };
    }));
  }

  private allocate(): Statement {
    const kind = this.next().text;
    const made = this.buffer("local");
    if (kind === "local") {
      this.endLine();
      return { kind: "allocate", buffer: made };
    }
    this.expect("=", `A table has its elements: "table t: float32[2] = [0.5, 1.5]".`);
    const { at } = this.peek();
    const values = this.list("[", "]", () => this.element(made.element));
    const count = elementCount(made.dims);
    if (count > mostElements) throw this.errorAt(at, `${count} elements are too many for a table; at most ${mostElements} are read`);
    if (values.length !== count) throw this.errorAt(at, `${made.element}[${made.dims.join(", ")}] takes ${count} values, ${values.length} are given`);
    const table = tableBuffer(made.name, made.element, made.dims, values);
    this.buffers.set(made.name, { what: table, at });
    this.endLine();
    return { kind: "allocate", buffer: table };
  }

  // ---- expressions

  /** A number, or undefined and nothing read. */
  private literal(): { readonly value: number; readonly whole: boolean; readonly exact?: bigint } | undefined {
    const start = this.position;
    const negative = this.accept("-");
    const token = this.peek();
    if (token.kind === "number") {
      this.next();
      const value = Number(token.text);
      const whole = !/[.eE]/.test(token.text);
      const exact = whole && !Number.isSafeInteger(value) ? BigInt(token.text) : undefined;
      return { value: negative ? -value : value, whole, ...(exact === undefined ? {} : { exact: negative ? -exact : exact }) };
    }
    if (token.kind === "word" && !this.is("[", 1) && !this.is("(", 1) && !this.variables.has(token.text)) {
      if (token.text === "inf") {
        this.next();
        return { value: negative ? -Infinity : Infinity, whole: false };
      }
      if (token.text === "nan" && !negative) {
        this.next();
        return { value: NaN, whole: false };
      }
    }
    this.position = start;
    return undefined;
  }

  private element(of: ElementType = "bool"): number {
    if (this.accept("true")) return 1;
    if (this.accept("false")) return 0;
    const { at } = this.peek();
    const found = this.literal();
    if (!found) throw this.unexpected("a number");
    if (found.exact !== undefined && elementKind(of) !== "float") throw this.errorAt(at, "a table holds whole numbers up to 2^53");
    return found.value;
  }

  private indices(of: Buffer, name: Token): Expression[] {
    const indices = this.list("[", "]", () => {
      const { at } = this.peek();
      const index = this.expression();
      if (!isInteger(typeOf(index))) throw this.errorAt(at, `an index is an integer, this is ${typeOf(index)}`, "Convert it: index(...).");
      return index;
    });
    if (indices.length !== of.dims.length) throw this.errorAt(name.at, `${of.name} has ${of.dims.length} dimension${of.dims.length === 1 ? "" : "s"}, and ${indices.length} ${indices.length === 1 ? "index is" : "indices are"} given`, of.dims.length === 0 ? `Write ${of.name}[].` : undefined);
    return indices;
  }

  /** Operators of at least this precedence; all of them go from left to right. */
  private expression(least = 1): Expression {
    let left = this.prefix();
    for (;;) {
      const token = this.peek();
      const found = token.kind === "word" || token.kind === "punctuation" ? operators.get(token.text) : undefined;
      if (!found || found.precedence < least) return left;
      this.next();
      const right = this.expression(found.precedence + 1);
      left = this.binary(found.op, left, right, token);
    }
  }

  private binary(op: BinaryOp, left: Expression, right: Expression, token: Token): Expression {
    const [a, b] = [typeOf(left), typeOf(right)];
    if (op === "and" || op === "or" || op === "xor") {
      const odd = a !== "bool" ? a : b !== "bool" ? b : undefined;
      if (odd !== undefined) throw this.errorAt(token.at, `${token.text} takes conditions, this is ${odd}`, "Compare it: x[i] > 0.0, or i < 4.");
    } else if (a !== b && !(a === "index" && isInteger(b)) && !(b === "index" && isInteger(a))) {
      const [literal, other] = left.kind === "integer" ? [left, b] : [right, a];
      throw this.errorAt(token.at, `${isComparison(op) ? `${a} is compared with ${b}` : `${token.text} takes two values of one type, these are ${a} and ${b}`}`, other === "index" ? "Convert one of them: float32(...)." : this.convert(literal, other));
    }
    return { kind: "binary", op, left, right };
  }

  private prefix(): Expression {
    const { at } = this.peek();
    const found = this.literal();
    if (found?.exact !== undefined) throw this.errorAt(at, "an index is at most 2^53", "A 64-bit element is written with its type: int64(...).");
    if (found) return found.whole ? integer(found.value) : number("float32", found.value);
    if (this.accept("-")) return { kind: "unary", op: "neg", operand: this.prefix() };
    if (this.accept("(")) {
      const inner = this.expression();
      this.expect(")");
      return inner;
    }
    const token = this.peek();
    if (token.kind !== "word" && token.kind !== "string") throw this.unexpected("an expression");
    if (token.kind === "word" && this.is("(", 1)) return this.call();
    const name = this.name("a buffer or variable");
    if (this.is("[")) {
      const from = this.bufferNamed(name);
      return { kind: "load", buffer: from, indices: this.indices(from, name) };
    }
    const known = this.variables.get(name.text);
    if (known) return known.what;
    if (token.kind === "word" && (name.text === "true" || name.text === "false")) return truth(name.text === "true");
    throw this.unknownName(name, "variable");
  }

  private call(): Expression {
    const token = this.next();
    const name = token.text;
    const argumentsOf = (count: number): Expression[] => {
      const given = this.list("(", ")", () => this.expression());
      if (given.length !== count) throw this.errorAt(token.at, `${name} takes ${count} argument${count === 1 ? "" : "s"}, ${given.length} ${given.length === 1 ? "is" : "are"} given`);
      return given;
    };
    if (isElementType(name) || name === "index") {
      // A number in brackets is a constant of the type; cast(int32, 2.5) converts one.
      this.expect("(");
      const start = this.position;
      const { at } = this.peek();
      const value: { readonly value: number; readonly exact?: bigint } | undefined = name === "index" ? undefined : name === "bool" && (this.is("true") || this.is("false")) ? { value: this.element() } : this.literal();
      if (value && this.accept(")")) {
        if (value.exact !== undefined && (name === "int64" || name === "uint64")) {
          const [least, most] = integerRange(name);
          if (value.exact < least || value.exact > most) throw this.errorAt(at, `${name} goes from ${least} to ${most}`);
          return number(name, value.exact);
        }
        return name === "bool" ? truth(value.value !== 0) : number(name as ElementType, value.value);
      }
      this.position = start;
      const operand = this.expression();
      this.expect(")");
      return { kind: "cast", element: name as ExpressionType, operand };
    }
    if (name === "cast") {
      this.expect("(");
      const type = this.take("word", "an element type");
      if (!isElementType(type.text) && type.text !== "index") throw this.errorAt(type.at, `${type.text} is not an element type`, `Like ${Object.keys(elementTypes).slice(0, 4).join(", ")}, or index.`);
      this.expect(",");
      const operand = this.expression();
      this.expect(")");
      return { kind: "cast", element: type.text, operand };
    }
    if (name === "select") {
      const [condition, then, otherwise] = argumentsOf(3) as [Expression, Expression, Expression];
      if (typeOf(condition) !== "bool") throw this.errorAt(token.at, `select chooses by a condition, this is ${typeOf(condition)}`, "Compare it: select(x[i] > 0.0, ...).");
      const [a, b] = [typeOf(then), typeOf(otherwise)];
      if (a !== b && !(a === "index" && isInteger(b)) && !(b === "index" && isInteger(a))) throw this.errorAt(token.at, `select chooses between two values of one type, these are ${a} and ${b}`);
      return { kind: "select", condition, then, otherwise };
    }
    if (binaries.has(name)) {
      const [left, right] = argumentsOf(2) as [Expression, Expression];
      return this.binary(name as BinaryOp, left, right, token);
    }
    if (unaries.has(name)) return { kind: "unary", op: name as UnaryOp, operand: argumentsOf(1)[0]! };
    throw this.errorAt(token.at, `there is no function ${name}`, this.buffers.has(name) ? `It is a buffer: write its element as ${name}[...].` : `Functions: ${["select", "cast", ...binaryCalls, ...unaryCalls].join(", ")}, and each element type.`);
  }
}
