import { expect } from "vitest";
import { parseProgram } from "../../src/tensor/parser.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import type { Buffer, Expression, Statement, TensorProgram, Variable } from "../../src/tensor/program.ts";

/** Where two programs differ, or undefined: all of them is compared, variables and buffers by where they are made. */
export function difference(a: TensorProgram, b: TensorProgram): string | undefined {
  const pairs = new Map<Variable | Buffer, Variable | Buffer>();
  const same = (x: unknown, y: unknown, path: string): string | undefined => (Object.is(x, y) ? undefined : `${path}: ${JSON.stringify(x)} is ${JSON.stringify(y)}`);
  const first = (...checks: readonly (() => string | undefined)[]): string | undefined => {
    for (const check of checks) {
      const found = check();
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const each = <T>(x: readonly T[], y: readonly T[], path: string, visit: (x: T, y: T, path: string) => string | undefined): string | undefined =>
    x.length === y.length ? first(...x.map((item, i) => () => visit(item, y[i]!, `${path}[${i}]`))) : `${path}: ${x.length} are ${y.length}`;
  const plain = (x: unknown, y: unknown, path: string): string | undefined => same(JSON.stringify(x), JSON.stringify(y), path);

  const expression = (x: Expression, y: Expression, path: string): string | undefined => {
    if (x.kind === "variable" && y.kind === "variable") {
      if (x.max !== undefined) return first(() => same(x.name, y.name, path), () => same(x.max, y.max, path));
      return pairs.get(x) === y ? undefined : `${path}: ${x.name} is another ${y.name}`;
    }
    if (x.kind === "integer" && y.kind === "integer") return same(x.value, y.value, path);
    if (x.kind === "number" && y.kind === "number") return first(() => same(x.element, y.element, path), () => same(x.value, y.value, path));
    if (x.kind === "load" && y.kind === "load") return first(() => (pairs.get(x.buffer) === y.buffer ? undefined : `${path}: another buffer`), () => each(x.indices, y.indices, path, expression));
    if (x.kind === "unary" && y.kind === "unary") return first(() => same(x.op, y.op, path), () => expression(x.operand, y.operand, path));
    if (x.kind === "cast" && y.kind === "cast") return first(() => same(x.element, y.element, path), () => expression(x.operand, y.operand, path));
    if (x.kind === "select" && y.kind === "select") return first(() => expression(x.condition, y.condition, path), () => expression(x.then, y.then, path), () => expression(x.otherwise, y.otherwise, path));
    if (x.kind === "binary" && y.kind === "binary") return first(() => same(x.op, y.op, path), () => expression(x.left, y.left, path), () => expression(x.right, y.right, path));
    return `${path}: ${x.kind} is ${y.kind}`;
  };
  const buffer = (x: Buffer, y: Buffer, path: string): string | undefined => {
    pairs.set(x, y);
    const known = x.shape?.every((e) => e.kind === "integer") ? undefined : x.shape;
    return first(
      () => plain([x.name, x.element, x.dims, x.scope, x.packed, x.values?.map(String)], [y.name, y.element, y.dims, y.scope, y.packed, y.values?.map(String)], path),
      () => each(known ?? [], y.shape ?? [], `${path}.shape`, expression),
    );
  };
  const optional = (x: Expression | undefined, y: Expression | undefined, path: string): string | undefined => (x && y ? expression(x, y, path) : same(x, y, path));
  const body = (x: readonly Statement[], y: readonly Statement[], path: string): string | undefined => each(x, y, path, statement);
  const statement = (x: Statement, y: Statement, path: string): string | undefined => {
    if (x.kind === "for" && y.kind === "for") {
      pairs.set(x.variable, y.variable);
      return first(
        () => plain([x.variable.name, x.extent, x.mode, x.prefetch?.lines], [y.variable.name, y.extent, y.mode, y.prefetch?.lines], path),
        () => optional(x.count, y.count, path), () => optional(x.prefetch?.index, y.prefetch?.index, path),
        () => (x.prefetch && pairs.get(x.prefetch.buffer) !== y.prefetch!.buffer ? `${path}: another buffer is prefetched` : undefined),
        () => body(x.body, y.body, `${path}.${x.variable.name}`),
      );
    }
    if (x.kind === "if" && y.kind === "if")
      return first(() => expression(x.condition, y.condition, path), () => body(x.then, y.then, path), () => same(x.otherwise === undefined, y.otherwise === undefined, path), () => body(x.otherwise ?? [], y.otherwise ?? [], path));
    if (x.kind === "block" && y.kind === "block") {
      for (const [i, axis] of x.axes.entries()) if (y.axes[i]) pairs.set(axis.variable, y.axes[i].variable);
      return first(
        () => plain([x.name, x.axes.map((v) => [v.variable.name, v.extent, v.kind])], [y.name, y.axes.map((v) => [v.variable.name, v.extent, v.kind])], path),
        () => each(x.bindings, y.bindings, `${path}.${x.name}`, expression), () => same(x.init === undefined, y.init === undefined, path),
        () => body(x.init ?? [], y.init ?? [], `${path}.${x.name}.init`), () => body(x.body, y.body, `${path}.${x.name}`),
      );
    }
    if (x.kind === "store" && y.kind === "store")
      return first(() => (pairs.get(x.buffer) === y.buffer ? undefined : `${path}: stores to another buffer`), () => each(x.indices, y.indices, path, expression), () => expression(x.value, y.value, path));
    if (x.kind === "allocate" && y.kind === "allocate") return buffer(x.buffer, y.buffer, path);
    return `${path}: ${x.kind} is ${y.kind}`;
  };
  return first(() => same(a.name, b.name, "name"), () => each(a.parameters, b.parameters, "parameters", buffer), () => body(a.body, b.body, a.name));
}

/** The text of a program is read as a program equal to it, which prints alike. */
export function roundTrip(program: TensorProgram, name = program.name): void {
  const { text } = printProgram(program);
  let read: TensorProgram;
  try {
    read = parseProgram(text);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}\n${text.slice(0, 4000)}`, { cause: error });
  }
  expect(difference(program, read), `${name}\n${text.slice(0, 4000)}`).toBeUndefined();
  expect(printProgram(read).text, name).toBe(text);
}
