import type { ElementType } from "../ir/element-type.ts";
import { substitute, type Substitution, variable, walkExpression } from "./expression.ts";
import type { Axis, Block, Buffer, Expression, Loop, Statement, Store, TensorProgram, Variable } from "./program.ts";

/** Builders and traversals of statements. */

export const buffer = (name: string, element: ElementType, dims: readonly number[], scope: Buffer["scope"]): Buffer => ({ name, element, dims: Object.freeze([...dims]), scope });
/** A local array of constants, which are of its type. */
export const tableBuffer = (name: string, element: ElementType, dims: readonly number[], values: readonly number[]): Buffer => ({ ...buffer(name, element, dims, "local"), values: element === "float32" ? values.map(Math.fround) : values });
export const store = (to: Buffer, indices: readonly Expression[], value: Expression): Store => ({ kind: "store", buffer: to, indices, value });
export const loop = (v: Variable, extent: number, body: readonly Statement[], mode: Loop["mode"] = "serial", count?: Expression): Loop => ({ kind: "for", variable: v, extent, ...(count ? { count } : {}), mode, body });

/** Wraps `body` in loops, the first outermost. */
export const loopsAround = (loops: readonly { readonly variable: Variable; readonly extent: number; readonly mode?: Loop["mode"] }[], body: readonly Statement[]): readonly Statement[] =>
  loops.reduceRight<readonly Statement[]>((inner, l) => [loop(l.variable, l.extent, inner, l.mode)], body);

export interface AxisSpec {
  readonly name: string;
  readonly extent: number;
  readonly kind?: Axis["kind"];
}

/** One block in a perfect nest, one loop an axis. `body` and `init` see the axes' variables in order. */
export function nest(
  name: string,
  axes: readonly AxisSpec[],
  body: (axes: readonly Variable[]) => readonly Statement[] | Statement,
  init?: (axes: readonly Variable[]) => readonly Statement[] | Statement,
): readonly Statement[] {
  // Nothing to compute; a reduction over nothing is its initial value.
  if (axes.some((a) => a.extent === 0 && a.kind !== "reduce")) return [];
  if (axes.some((a) => a.extent === 0)) return init ? nest(`${name}_init`, axes.filter((a) => a.kind !== "reduce"), (v) => init(axes.map((a) => (a.kind === "reduce" ? variable(a.name) : v[axes.filter((b) => b.kind !== "reduce").indexOf(a)]!)))) : [];
  const loops = axes.map((a) => ({ variable: variable(a.name), extent: a.extent }));
  const variables = axes.map((a) => variable(`v_${a.name}`));
  const list = (s: readonly Statement[] | Statement): readonly Statement[] => ("kind" in s ? [s] : s);
  const block: Block = {
    kind: "block",
    name,
    axes: axes.map((a, i) => ({ variable: variables[i] as Variable, extent: a.extent, kind: a.kind ?? "spatial" })),
    bindings: loops.map((l) => l.variable),
    ...(init ? { init: list(init(variables)) } : {}),
    body: list(body(variables)),
  };
  return loopsAround(loops, [block]);
}

/** A loop whose iterations run in order; its body sees the loop's variable. */
export function forEach(name: string, extent: number, body: (i: Variable) => readonly Statement[]): Statement {
  const v = variable(name);
  return loop(v, extent, body(v));
}

/** A block of one store at the loops around it: what runs in order (recurrences, searches, scatters). */
export const step = (name: string, to: Buffer, indices: readonly Expression[], value: Expression): Block => ({ kind: "block", name, axes: [], bindings: [], body: [store(to, indices, value)] });

export const when = (condition: Expression, then: readonly Statement[], otherwise?: readonly Statement[]): Statement => ({ kind: "if", condition, then, ...(otherwise ? { otherwise } : {}) });

/** Rebuilds statements bottom-up: `visit` gets each statement with its insides done and gives what takes its place. */
export function mapStatements(body: readonly Statement[], visit: (s: Statement) => Statement | readonly Statement[]): readonly Statement[] {
  return body.flatMap((s): readonly Statement[] => {
    const result = visit(mapInside(s, (inner) => mapStatements(inner, visit)));
    return "kind" in result ? [result] : result;
  });
}

/** The statement with each of its bodies replaced. */
export function mapInside(s: Statement, visit: (body: readonly Statement[]) => readonly Statement[]): Statement {
  switch (s.kind) {
    case "for":
      return { ...s, body: visit(s.body) };
    case "if":
      return { ...s, then: visit(s.then), ...(s.otherwise ? { otherwise: visit(s.otherwise) } : {}) };
    case "block":
      return { ...s, ...(s.init ? { init: visit(s.init) } : {}), body: visit(s.body) };
    default:
      return s;
  }
}

/** Applies `visit` to every expression directly in the statement (not in nested bodies). */
export function mapExpressions(s: Statement, visit: (e: Expression) => Expression): Statement {
  switch (s.kind) {
    case "if":
      return { ...s, condition: visit(s.condition) };
    case "block":
      return { ...s, bindings: s.bindings.map(visit) };
    case "store":
      return { ...s, indices: s.indices.map(visit), value: visit(s.value) };
    default:
      return s;
  }
}

export const substituteStatements = (body: readonly Statement[], by: Substitution): readonly Statement[] =>
  mapStatements(body, (s) => mapExpressions(s, (e) => substitute(e, by)));

/** Calls `visit` for each statement, outermost first, with the statements around it. */
export function walkStatements(body: readonly Statement[], visit: (s: Statement, around: readonly Statement[]) => void, around: readonly Statement[] = []): void {
  for (const s of body) {
    visit(s, around);
    const inside = [...around, s];
    if (s.kind === "for") walkStatements(s.body, visit, inside);
    else if (s.kind === "if") {
      walkStatements(s.then, visit, inside);
      if (s.otherwise) walkStatements(s.otherwise, visit, inside);
    } else if (s.kind === "block") {
      if (s.init) walkStatements(s.init, visit, inside);
      walkStatements(s.body, visit, inside);
    }
  }
}

export function storesIn(body: readonly Statement[]): Store[] {
  const found: Store[] = [];
  walkStatements(body, (s) => {
    if (s.kind === "store") found.push(s);
  });
  return found;
}

export function blocksIn(body: readonly Statement[]): Block[] {
  const found: Block[] = [];
  walkStatements(body, (s) => {
    if (s.kind === "block") found.push(s);
  });
  return found;
}

/** Buffers that the statements read, in first-use order. */
export function buffersRead(body: readonly Statement[]): Set<Buffer> {
  const found = new Set<Buffer>();
  const look = (e: Expression): void =>
    walkExpression(e, (x) => {
      if (x.kind === "load") found.add(x.buffer);
    });
  walkStatements(body, (s) => {
    if (s.kind === "if") look(s.condition);
    else if (s.kind === "block") s.bindings.forEach(look);
    else if (s.kind === "store") {
      s.indices.forEach(look);
      look(s.value);
    }
  });
  return found;
}

/** Names that are taken in a program: loops, axes, blocks and buffers. */
export function namesIn(program: TensorProgram): Set<string> {
  const names = new Set(program.parameters.map((p) => p.name));
  walkStatements(program.body, (s) => {
    if (s.kind === "for") names.add(s.variable.name);
    else if (s.kind === "allocate") names.add(s.buffer.name);
    else if (s.kind === "block") {
      names.add(s.name);
      for (const axis of s.axes) names.add(axis.variable.name);
    }
  });
  return names;
}

/** `wanted`, or its stem with the first number that is free: `x_1`, `x_2`, ... The name is then taken. */
export function freshName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  const stem = wanted.replace(/_\d+$/, "");
  for (let i = 1; taken.has(name); i++) name = `${stem}_${i}`;
  taken.add(name);
  return name;
}

/** Copies statements with fresh loop variables, axes, block names and local buffers. */
export function renamed(body: readonly Statement[], taken: Set<string>, blockNames?: Map<string, string>): readonly Statement[] {
  const variables = new Map<Variable, Expression>();
  const buffers = new Map<Buffer, Buffer>();
  const rename = (v: Variable): Variable => {
    const fresh = variable(freshName(v.name, taken));
    variables.set(v, fresh);
    return fresh;
  };
  const inExpression = (e: Expression): Expression => replaceBuffers(substitute(e, variables), buffers);
  const visit = (s: Statement): Statement => {
    switch (s.kind) {
      case "for": {
        const v = rename(s.variable);
        return { ...s, variable: v, body: s.body.map(visit) };
      }
      case "allocate": {
        const copy = { ...s.buffer, name: freshName(s.buffer.name, taken) };
        buffers.set(s.buffer, copy);
        return { kind: "allocate", buffer: copy };
      }
      case "block": {
        const name = freshName(s.name, taken);
        blockNames?.set(s.name, name);
        const bindings = s.bindings.map(inExpression);
        const axes = s.axes.map((a) => ({ ...a, variable: rename(a.variable) }));
        return { ...s, name, axes, bindings, ...(s.init ? { init: s.init.map(visit) } : {}), body: s.body.map(visit) };
      }
      case "if":
        return { ...s, condition: inExpression(s.condition), then: s.then.map(visit), ...(s.otherwise ? { otherwise: s.otherwise.map(visit) } : {}) };
      case "store":
        return { ...s, buffer: buffers.get(s.buffer) ?? s.buffer, indices: s.indices.map(inExpression), value: inExpression(s.value) };
    }
  };
  return body.map(visit);
}

function replaceBuffers(e: Expression, by: ReadonlyMap<Buffer, Buffer>): Expression {
  if (by.size === 0) return e;
  const visit = (x: Expression): Expression => {
    if (x.kind === "variable" || x.kind === "integer" || x.kind === "number") return x;
    if (x.kind === "load") return { ...x, buffer: by.get(x.buffer) ?? x.buffer, indices: x.indices.map(visit) };
    if (x.kind === "binary") return { ...x, left: visit(x.left), right: visit(x.right) };
    if (x.kind === "select") return { ...x, condition: visit(x.condition), then: visit(x.then), otherwise: visit(x.otherwise) };
    return { ...x, operand: visit(x.operand) };
  };
  return visit(e);
}

/** Puts other buffers in the place of some, everywhere. */
export const withBuffers = (body: readonly Statement[], by: ReadonlyMap<Buffer, Buffer>): readonly Statement[] =>
  mapStatements(body, (s) => {
    if (s.kind === "allocate") return { ...s, buffer: by.get(s.buffer) ?? s.buffer };
    const t = mapExpressions(s, (e) => replaceBuffers(e, by));
    return t.kind === "store" ? { ...t, buffer: by.get(t.buffer) ?? t.buffer } : t;
  });

/** A program whose loops, axes, blocks and local buffers have names of their own. */
export function makeProgram(name: string, parameters: readonly Buffer[], body: readonly Statement[]): TensorProgram {
  const taken = new Set(parameters.map((p) => p.name));
  return { name, parameters, body: renamed(body, taken) };
}
