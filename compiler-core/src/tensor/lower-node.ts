import type { ElementType } from "../ir/element-type.ts";
import { byteSize, elementKind } from "../ir/element-type.ts";
import { describeNode, type Graph, isFused, type OperatorNode, type ValueRef } from "../ir/graph.ts";
import { topologicalOrder } from "../ir/order.ts";
import { fromNumbers, type Tensor } from "../ir/tensor.ts";
import { elementCount, staticShape, type TensorType } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { buffer, buffersRead, freshName, makeProgram, mapExpressions, mapStatements, nest, store, storesIn, tableBuffer, withBuffers } from "./build.ts";
import { cast, load, mapOperands, typeOf } from "./expression.ts";
import type { Control } from "./control.ts";
import type { Lowering, LoweringAttributes, LoweringContext, View } from "./lowering.ts";
import type { Allocate, Buffer, Expression, Statement, TensorProgram } from "./program.ts";
import { simplifyProgram } from "./schedule/primitive.ts";

/** What lowering needs of the operators, which this layer does not import. */
export interface LoweringTable {
  lowering(node: OperatorNode): Lowering | undefined;
  /** what a node with bodies does with them */
  control?(node: OperatorNode): Control | undefined;
  attributes(node: OperatorNode): LoweringAttributes;
  /** formal names, for readable parameters */
  names?(node: OperatorNode): { readonly inputs: readonly string[]; readonly outputs: readonly string[] } | undefined;
}

/** A node as a program, with the values that its parameters stand for. */
export interface LoweredNode {
  readonly node: OperatorNode;
  /** the plain loop nests, before any schedule */
  readonly program: TensorProgram;
  /** the same before it was simplified */
  readonly plain: TensorProgram;
  /** the value of each input and weight parameter, and for an output its index */
  readonly bindings: ReadonlyMap<Buffer, ValueRef>;
  readonly views: readonly View[];
}

/** Element types that programs compute in. */
export function isLowerable(element: ElementType): boolean {
  const kind = elementKind(element);
  if (kind === "float") return element !== "float4e2m1";
  return kind === "bool" || (kind !== "string" && kind !== "complex" && !element.endsWith("4") && !element.endsWith("2")) || /^u?int(32|64)$/.test(element);
}

/** The static type of a value, or an error that says which value is not static or not a type that programs know. */
function staticType(graph: Graph, ref: ValueRef, node: OperatorNode): TensorType {
  const type = graph.type(ref);
  const name = graph.valueName(ref) || `output ${ref.output} of node ${ref.node}`;
  if (type.kind !== "tensor" || type.element === null || !isLowerable(type.element))
    throw new GraphwrightError("not-lowered", `cannot be lowered: ${name} has the type ${type.text}, and programs know floats and integers of 8 bits and more, and bool.`, { node: describeNode(node) });
  if (!staticShape(type))
    throw new GraphwrightError("not-lowered", `cannot be lowered: the shape of ${name} is not static (${type.text}).`, { node: describeNode(node) }, "Fix the model's input shapes first.");
  return type;
}

const identifier = (text: string): string => {
  const clean = text.replace(/[^A-Za-z0-9_]/g, "_").toLowerCase();
  return /^[a-z_]/.test(clean) ? clean : `v${clean}`;
};

class NodeLowerer {
  private readonly graph: Graph;
  private readonly table: LoweringTable;
  private readonly taken = new Set<string>();
  private readonly buffers = new Map<string, Buffer>();
  private readonly outside = new Map<number, ValueRef>();
  readonly parameters: Buffer[] = [];
  readonly bindings = new Map<Buffer, ValueRef>();
  readonly locals: Allocate[] = [];

  constructor(graph: Graph, table: LoweringTable) {
    this.graph = graph;
    this.table = table;
  }

  /** The buffer of a value, made as a parameter when it has none yet. */
  value(ref: ValueRef, owner: OperatorNode, name: string, scope?: Buffer["scope"]): Buffer {
    const key = `${ref.node}.${ref.output}`;
    const known = this.buffers.get(key);
    if (known) return known;
    const type = staticType(this.graph, ref, owner);
    const constant = this.graph.node(ref.node).kind === "constant";
    const element = scope === "local" && isSmall(type.element!) ? "float32" : type.element!;
    const made = buffer(freshName(identifier(name), this.taken), element, staticShape(type)!, scope ?? (constant ? "weight" : "input"));
    this.buffers.set(key, made);
    if (made.scope === "local") this.locals.push({ kind: "allocate", buffer: made });
    else {
      this.parameters.push(made);
      this.bindings.set(made, ref);
    }
    return made;
  }

  /** A parameter of a fused group's body stands for a value outside. */
  alias(ref: ValueRef, to: Buffer, outside: ValueRef): void {
    this.buffers.set(`${ref.node}.${ref.output}`, to);
    this.outside.set(ref.node, outside);
  }

  build(node: OperatorNode, outputScope: (index: number) => Buffer["scope"]): { statements: readonly Statement[]; views: readonly View[] } {
    const lowering = this.table.lowering(node);
    if (!lowering) throw new GraphwrightError("not-lowered", "has no lowering to loop nests.", { node: describeNode(node) });
    const names = this.table.names?.(node);
    const inputs = node.inputs.map((ref, i) => {
      if (!ref) return null;
      // What is read at compile time only (shapes as int64, say) may have any type.
      return this.value(ref, node, names?.inputs[i] ?? `x${i}`);
    });
    const outputs = node.outputs.map((o, i) => {
      const ref = { node: node.id, output: i };
      const used = this.graph.usesOfValue(ref).length > 0;
      if (o.name === "" && (i > 0 || node.outputs.length > 1)) return null;
      return used || i === 0 ? this.value(ref, node, names?.outputs[i] ?? `y${i}`, outputScope(i)) : null;
    });
    const shadows = new Map<Buffer, Buffer>();
    const shadow = (b: Buffer | null): Buffer | null => {
      if (!b || !isSmall(b.element)) return b;
      const made = shadows.get(b) ?? { ...b, element: "float32" as const };
      shadows.set(b, made);
      return made;
    };
    const context: LoweringContext = {
      node,
      attributes: this.table.attributes(node),
      inputs: inputs.map(shadow),
      outputs: outputs.map(shadow),
      inputType: (i) => this.graph.type(node.inputs[i]) as TensorType,
      outputType: (i) => this.graph.type({ node: node.id, output: i }) as TensorType,
      constant: (i) => {
        const ref = node.inputs[i];
        const from = (ref && this.outside.get(ref.node)) ?? ref;
        return this.graph.constant(from)?.tensor() ?? knownTensor(this.graph, from);
      },
      local: (name, element, dims) => {
        const made = buffer(freshName(name, this.taken), element, dims, "local");
        this.locals.push({ kind: "allocate", buffer: made });
        return made;
      },
      table: (name, element, dims, values) => {
        const made = tableBuffer(freshName(name, this.taken), element, dims, values);
        this.locals.push({ kind: "allocate", buffer: made });
        return made;
      },
    };
    try {
      return { statements: this.inStorage(lowering.build(context), shadows), views: lowering.views?.(context) ?? [] };
    } catch (error) {
      if (error instanceof GraphwrightError) throw error.at({ node: describeNode(node) });
      throw error;
    }
  }

  /**
   * Statements over float32 stand-ins as statements over the small floats themselves: a load is converted, and so is
   * what is stored. An output that is also read (a running sum) is computed in float32 and converted at the end.
   */
  private inStorage(statements: readonly Statement[], shadows: ReadonlyMap<Buffer, Buffer>): readonly Statement[] {
    if (shadows.size === 0) return statements;
    const real = new Map([...shadows].map(([b, s]) => [s, b]));
    const read = buffersRead(statements);
    const conversions: Statement[] = [];
    for (const [b, s] of shadows) {
      if (b.scope !== "output" || !read.has(s)) continue;
      real.delete(s);
      const running = buffer(freshName(`${b.name}_float`, this.taken), "float32", b.dims, "local");
      this.locals.push({ kind: "allocate", buffer: running });
      statements = withBuffers(statements, new Map([[s, running]]));
      conversions.push(...nest("convert", b.dims.map((extent, d) => ({ name: `i${d}`, extent })), (v) => store(b, v, cast(b.element, load(running, v)))));
    }
    const inExpression = (e: Expression): Expression => {
      const inner = mapOperands(e, inExpression);
      const from = inner.kind === "load" ? real.get(inner.buffer) : undefined;
      return from && inner.kind === "load" ? cast("float32", load(from, inner.indices)) : inner;
    };
    const converted = mapStatements(statements, (s) => {
      const t = mapExpressions(s, inExpression);
      const to = t.kind === "store" ? real.get(t.buffer) : undefined;
      if (!to || t.kind !== "store") return t;
      // A copy keeps its bits.
      const copied = t.value.kind === "cast" && t.value.element === "float32" && typeOf(t.value.operand) === to.element ? t.value.operand : undefined;
      return store(to, t.indices, copied ?? cast(to.element, t.value));
    });
    return [...converted, ...conversions];
  }
}

/** The elements of a computed value that shape inference knows: sizes of other values. */
function knownTensor(graph: Graph, ref: ValueRef | null | undefined): Tensor | undefined {
  const output = ref ? graph.node(ref.node).outputs[ref.output] : undefined;
  if (!output?.known || output.type.kind !== "tensor" || !output.known.every((d): d is number => typeof d === "number")) return undefined;
  const dims = staticShape(output.type);
  return dims && output.type.element !== null ? fromNumbers(output.type.element, dims, output.known) : undefined;
}

const isSmall = (element: ElementType): boolean => elementKind(element) === "float" && element !== "float32" && element !== "float64";

/** The plain loop nests of a node, or of a fused group's body. Throws "not-lowered" with the reason. */
export function lowerNode(graph: Graph, node: OperatorNode, table: LoweringTable): LoweredNode {
  const lowerer = new NodeLowerer(graph, table);
  const name = identifier(node.op === "Fused" ? "fused" : node.op);
  const { statements, views } = isFused(node) ? lowerFused(graph, node, lowerer) : lowerer.build(node, () => "output");
  const read = buffersRead(statements);
  const written = new Set(storesIn(statements).map((s) => s.buffer));
  const used = lowerer.locals.filter((l) => read.has(l.buffer) || written.has(l.buffer));
  const parameters = lowerer.parameters.filter((p) => p.scope === "output" || read.has(p));
  parameters.sort((a, b) => Number(a.scope === "output") - Number(b.scope === "output"));
  const plain = makeProgram(name, parameters, [...used, ...statements]);
  return { node, program: withoutUnread(simplifyProgram(plain)), plain, bindings: lowerer.bindings, views };
}

/** What simplification found to be decided need not be passed. */
export function withoutUnread(program: TensorProgram): TensorProgram {
  const needed = buffersRead(program.body);
  return { ...program, parameters: program.parameters.filter((p) => p.scope === "output" || needed.has(p)) };
}

function lowerFused(graph: Graph, node: OperatorNode, lowerer: NodeLowerer): { statements: readonly Statement[]; views: readonly View[] } {
  const region = graph.region(node.regions.body!);
  for (const [i, parameter] of region.parameters.entries()) {
    const ref = node.inputs[i];
    if (!ref) throw new GraphwrightError("not-lowered", `cannot be lowered: input ${i} of the fused group is omitted.`, { node: describeNode(node) });
    lowerer.alias({ node: parameter, output: 0 }, lowerer.value(ref, node, graph.node(parameter).outputs[0]?.name || `x${i}`), ref);
  }
  const results = new Map<string, number>();
  for (const [i, output] of region.outputs.entries()) {
    const producer = graph.node(output.value.node);
    const key = `${output.value.node}.${output.value.output}`;
    if (producer.kind !== "operator" || results.has(key))
      throw new GraphwrightError("not-lowered", `cannot be lowered: output ${i} of the fused group is not a value of its own.`, { node: describeNode(node) });
    results.set(key, i);
    const made = lowerer.value(output.value, node, `y${i}`, "output");
    lowerer.bindings.set(made, { node: node.id, output: i });
  }
  const nests: Statement[] = [];
  for (const id of topologicalOrder(graph, region.id)) {
    const inner = graph.node(id);
    if (inner.kind === "operator") nests.push(...lowerer.build(inner, () => "local").statements);
  }
  return { statements: preparationsFirst(nests), views: [] };
}

/** Nests that need nothing of the others (per-channel factors, say) come first, so that epilogues can move into the anchor. */
function preparationsFirst(nests: readonly Statement[]): readonly Statement[] {
  const written = new Set(nests.flatMap((s) => storesIn([s]).map((w) => w.buffer)));
  const early = nests.filter((s) => {
    const own = new Set(storesIn([s]).map((w) => w.buffer));
    return ![...buffersRead([s])].some((b) => written.has(b) && !own.has(b)) && ![...own].some((b) => b.scope === "output");
  });
  return [...early, ...nests.filter((s) => !early.includes(s))];
}

/** Local buffers above `limit` bytes become scratch memory that the caller gives. */
export function hoistScratch(program: TensorProgram, limit = 4096): TensorProgram {
  const moved = new Map<Buffer, Buffer>();
  for (const s of program.body)
    if (s.kind === "allocate" && !s.buffer.values && byteSize(s.buffer.element, elementCount(s.buffer.dims)) > limit) moved.set(s.buffer, { ...s.buffer, scope: "scratch" });
  if (moved.size === 0) return program;
  const body = withBuffers(program.body.filter((s) => s.kind !== "allocate" || !moved.has(s.buffer)), moved);
  return { ...program, parameters: [...program.parameters, ...moved.values()], body };
}

