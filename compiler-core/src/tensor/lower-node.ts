import { byteSize, elementKind, type ElementType, elementTypes } from "../ir/element-type.ts";
import { describeNode, type Graph, isFused, type OperatorNode, type ValueRef } from "../ir/graph.ts";
import { topologicalOrder } from "../ir/order.ts";
import { decodeSmallFloat } from "../ir/small-float.ts";
import { fromNumbers, type Tensor } from "../ir/tensor.ts";
import { elementCount, staticShape, type TensorType } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { flatten, unflatten } from "./access.ts";
import { buffer, buffersRead, freshName, makeProgram, mapExpressions, mapStatements, nest, store, storesIn, tableBuffer, withBuffers } from "./build.ts";
import { add, binary, cast, div, floordiv, floormod, load, lt, mapOperands, min, mul, number, select, sub, typeOf, unary } from "./expression.ts";
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

/** Element types that programs have values of. */
const isLowerable = (element: ElementType): boolean => elementKind(element) !== "string" && elementKind(element) !== "complex";

/** The static type of a value, or an error that says which value is not static or not a type that programs know. */
function staticType(graph: Graph, ref: ValueRef, node: OperatorNode): TensorType {
  const type = graph.type(ref);
  const name = graph.valueName(ref) || `output ${ref.output} of node ${ref.node}`;
  if (type.kind !== "tensor" || type.element === null || !isLowerable(type.element))
    throw new GraphwrightError("not-lowered", `cannot be lowered: ${name} has the type ${type.text}, and programs know floats, integers and bool.`, { node: describeNode(node) });
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
  /** values of less than 8 bits, several to a byte: what the bytes hold */
  private readonly packed = new Map<Buffer, { readonly element: ElementType; readonly dims: readonly number[] }>();
  readonly parameters: Buffer[] = [];
  readonly bindings = new Map<Buffer, ValueRef>();
  readonly locals: Allocate[] = [];

  constructor(graph: Graph, table: LoweringTable) {
    this.graph = graph;
    this.table = table;
  }

  /** The buffer of a value, made as a parameter when it has none yet. */
  value(ref: ValueRef, owner: OperatorNode, name: string, scope?: Buffer["scope"], bytes = false): Buffer {
    const key = `${ref.node}.${ref.output}`;
    const known = this.buffers.get(key);
    if (known) return known;
    const type = staticType(this.graph, ref, owner);
    const constant = this.graph.node(ref.node).kind === "constant";
    const element = type.element!;
    const dims = staticShape(type)!;
    const packed = isPacked(element) && scope !== "local";
    const made = buffer(freshName(identifier(name), this.taken), packed || bytes ? "uint8" : scope === "local" ? computedAs(element) : element, packed || bytes ? [byteSize(element, elementCount(dims))] : dims, scope ?? (constant ? "weight" : "input"));
    if (packed && !bytes) this.packed.set(made, { element, dims });
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
      return this.value(ref, node, names?.inputs[i] ?? `x${i}`, undefined, lowering.bytes);
    });
    const outputs = node.outputs.map((o, i) => {
      const ref = { node: node.id, output: i };
      const used = this.graph.usesOfValue(ref).length > 0;
      if (o.name === "" && (i > 0 || node.outputs.length > 1)) return null;
      return used || i === 0 ? this.value(ref, node, names?.outputs[i] ?? `y${i}`, outputScope(i), lowering.bytes) : null;
    });
    const shadows = new Map<Buffer, Buffer>();
    const shadow = (b: Buffer | null): Buffer | null => {
      const packed = b && this.packed.get(b);
      if (!b || (!packed && computedAs(b.element) === b.element)) return b;
      const made = shadows.get(b) ?? { ...b, element: computedAs(packed?.element ?? b.element), dims: packed?.dims ?? b.dims };
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
   * Statements over stand-ins as statements over the stored elements themselves: a load is converted, and so is what is stored.
   * An output that is also read (a running sum), or that shares bytes, is computed in its stand-in's type and converted at the end.
   */
  private inStorage(statements: readonly Statement[], shadows: ReadonlyMap<Buffer, Buffer>): readonly Statement[] {
    const real = new Map([...shadows].map(([b, s]) => [s, b]));
    const read = buffersRead(statements);
    const conversions: Statement[] = [];
    for (const [b, s] of shadows) {
      const packed = this.packed.get(b);
      if (b.scope !== "output" || (!packed && !read.has(s))) continue;
      real.delete(s);
      const running = buffer(freshName(`${b.name}_${packed ? "elements" : "float"}`, this.taken), s.element, s.dims, "local");
      this.locals.push({ kind: "allocate", buffer: running });
      statements = withBuffers(statements, new Map([[s, running]]));
      if (packed) conversions.push(...packedFrom(running, b, packed.element));
      else conversions.push(...nest("convert", b.dims.map((extent, d) => ({ name: `i${d}`, extent })), (v) => store(b, v, cast(b.element, load(running, v)))));
    }
    let decoded: Buffer | undefined;
    const fourBitFloats = (): Buffer => {
      if (!decoded) {
        decoded = tableBuffer(freshName("float4", this.taken), "float32", [16], Array.from({ length: 16 }, (_, bits) => decodeSmallFloat("float4e2m1", bits)));
        this.locals.push({ kind: "allocate", buffer: decoded });
      }
      return decoded;
    };
    const inExpression = (e: Expression): Expression => {
      const inner = mapOperands(e, inExpression);
      if (inner.kind === "cast" && inner.element !== "index" && isPacked(inner.element)) return narrowed(inner.element, inner.operand);
      const from = inner.kind === "load" ? real.get(inner.buffer) : undefined;
      if (!from || inner.kind !== "load") return inner;
      const packed = this.packed.get(from);
      return packed ? unpacked(from, inner.indices, packed, fourBitFloats) : cast("float32", load(from, inner.indices));
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
  if (!output?.known || output.type.kind !== "tensor" || !output.known.every((d): d is number => typeof d === "number" && Number.isSafeInteger(d))) return undefined;
  const dims = staticShape(output.type);
  return dims && output.type.element !== null ? fromNumbers(output.type.element, dims, output.known) : undefined;
}

/** Several elements share a byte. */
const isPacked = (element: ElementType): boolean => elementTypes[element].bits > 0 && elementTypes[element].bits < 8;

/** What a lowering computes elements of this type in. */
function computedAs(element: ElementType): ElementType {
  const { kind } = elementTypes[element];
  if (kind === "float") return element === "float64" ? element : "float32";
  return isPacked(element) ? (kind === "int" ? "int8" : "uint8") : element;
}

/** A number in the range of an integer type of less than 8 bits: the upper bits are dropped. Floats keep their value until they are stored. */
function narrowed(element: ElementType, x: Expression): Expression {
  const { bits, kind } = elementTypes[element];
  if (kind === "float") return cast("float32", x);
  const constant = (value: number): Expression => number("int32", value);
  const low = binary("bitand", cast("int32", x), constant(2 ** bits - 1));
  const sign = constant(2 ** (bits - 1));
  return cast(computedAs(element), kind === "int" ? sub(binary("bitxor", low, sign), sign) : low);
}

/** An element out of the byte that it shares, the first in the lowest bits. */
function unpacked(from: Buffer, indices: readonly Expression[], { element, dims }: { readonly element: ElementType; readonly dims: readonly number[] }, fourBitFloats: () => Buffer): Expression {
  const { bits } = elementTypes[element];
  const place = flatten(indices, dims);
  const byte = cast("uint32", load(from, [floordiv(place, 8 / bits)]));
  const field = binary("bitand", binary("shr", byte, cast("uint32", mul(floormod(place, 8 / bits), bits))), number("uint32", 2 ** bits - 1));
  return element === "float4e2m1" ? load(fourBitFloats(), [min(cast("index", field), 15)]) : narrowed(element, field);
}

/** The bytes of elements that share them. */
function packedFrom(elements: Buffer, to: Buffer, element: ElementType): readonly Statement[] {
  const { bits } = elementTypes[element];
  const count = elementCount(elements.dims);
  const field = (place: Expression): Expression => {
    const x = load(elements, unflatten(place, elements.dims));
    return element === "float4e2m1" ? fourBitsOf(x) : binary("bitand", cast("uint32", x), number("uint32", 2 ** bits - 1));
  };
  return nest("pack", [{ name: "byte", extent: to.dims[0]! }], ([byte]) => {
    const fields = Array.from({ length: 8 / bits }, (_, k) => {
      const place = add(mul(byte!, 8 / bits), k);
      const last = to.dims[0]! * (8 / bits) - count;
      const own = k < 8 / bits - last ? field(place) : select(lt(place, count), field(place), number("uint32", 0));
      return k === 0 ? own : binary("shl", own, number("uint32", k * bits));
    });
    return store(to, [byte!], cast("uint8", fields.reduce((a, b) => binary("bitor", a, b))));
  });
}

/** A float32 as the nearest of 0, 0.5, 1, 1.5, 2, 3, 4 and 6 with its sign, ties to an even pattern; not-a-number as -0 (OCP Microscaling Formats 1.0, E2M1). */
function fourBitsOf(x: Expression): Expression {
  const f = (value: number): Expression => number("float32", value);
  const size = unary("abs", x);
  const above = ([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5] as const).map((bound, i) => cast("uint32", binary(i % 2 === 0 ? "gt" : "ge", size, f(bound))));
  const negative = binary("or", binary("or", lt(x, f(0)), lt(div(f(1), x), f(0))), unary("isnan", x));
  return add(above.reduce(add), select(negative, number("uint32", 8), number("uint32", 0)));
}

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

