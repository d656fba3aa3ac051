import type { Attribute, Int } from "./attribute.ts";
import type { ConstantValue } from "./constant.ts";
import type { Graph, Node, NodeId, Region, RegionId, ValueRef } from "./graph.ts";
import { topologicalOrder } from "./order.ts";
import { isSmallFloat, type Tensor, toNumbers } from "./tensor.ts";
import { unknownType, type ValueType } from "./value-type.ts";

export interface PrintOptions {
  /**
   * Constants with more elements than this are written as `elided` (to be read again, the parser needs a resolver).
   * Default 16; Infinity writes every element.
   */
  readonly inlineElements?: number;
  /** also the model header, documentation strings and metadata (default false) */
  readonly full?: boolean;
}

export interface PrintedGraph {
  readonly text: string;
  /** 1-based first and last line of each node's statement */
  readonly lines: ReadonlyMap<NodeId, readonly [first: number, last: number]>;
}

/** The text IR of a graph. Equal graphs print equally; `parseGraph` reads it back. */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  return printGraphLines(graph, options).text;
}

export function printGraphLines(graph: Graph, options: PrintOptions = {}): PrintedGraph {
  return new Printer(graph, options).print();
}

export const quote = (text: string): string => JSON.stringify(text);

/** `%name`, quoted where the name is not a plain word. */
export const printValueName = (name: string): string => (/^[A-Za-z0-9_./$-]+$/.test(name) ? `%${name}` : `%${quote(name)}`);

const printInt = (value: Int): string => `${value}`;

/** Shortest decimal that reads back to the same number of the element type; always tells a float from an int. */
export function printFloat(value: number, single = true): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  let text = `${value}`;
  if (single && Math.fround(value) === value)
    for (let digits = 6; digits <= 9; digits++) {
      const short = Number(value.toPrecision(digits));
      if (Math.fround(short) === value) {
        text = `${short}`;
        break;
      }
    }
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function printElements(tensor: Tensor): string {
  const { data, element } = tensor;
  if (Array.isArray(data)) return `[${data.map(quote).join(", ")}]`;
  if (element === "bool") return `[${Array.from(data as Uint8Array, (v) => (v ? "true" : "false")).join(", ")}]`;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return `[${Array.from(data, String).join(", ")}]`;
  // Bit patterns keep not-a-number payloads of the small formats.
  const numbers = isSmallFloat(element) ? toNumbers(tensor) : data;
  const isFloatData = numbers instanceof Float32Array || numbers instanceof Float64Array;
  const single = !(numbers instanceof Float64Array);
  return `[${Array.from(numbers, (v) => (isFloatData ? printFloat(v, single).replace(/\.0$/, "") : `${v}`)).join(", ")}]`;
}

export const printTensor = (tensor: Tensor): string => `${tensor.element}[${tensor.dims.join(", ")}] ${printElements(tensor)}`;

export function printAttribute(attribute: Attribute): string {
  const list = (kind: string, items: readonly string[]): string => (items.length === 0 ? `${kind}[]` : `[${items.join(", ")}]`);
  switch (attribute.kind) {
    case "int":
      return printInt(attribute.value);
    case "float":
      return printFloat(attribute.value);
    case "string":
      return quote(attribute.value);
    case "bytes":
      return `bytes ${quote(Array.from(attribute.value, (b) => b.toString(16).padStart(2, "0")).join(""))}`;
    case "tensor":
      return `tensor ${printTensor(attribute.value)}`;
    case "type":
      return `type ${attribute.value.text}`;
    case "ints":
      return list("ints", attribute.value.map(printInt));
    case "floats":
      return list("floats", attribute.value.map((v) => printFloat(v)));
    case "strings":
      return list("strings", attribute.value.map(quote));
    case "tensors":
      return list("tensors", attribute.value.map((t) => `tensor ${printTensor(t)}`));
    case "types":
      return list("types", attribute.value.map((t) => `type ${t.text}`));
    case "sparse":
      return `sparse [${attribute.dims.join(", ")}] ${printTensor(attribute.values)} at ${printTensor(attribute.indices)}`;
    case "ref":
      return `ref ${attribute.of} ${quote(attribute.name)}`;
  }
}

class Printer {
  private readonly graph: Graph;
  private readonly options: PrintOptions;
  private readonly lines: string[] = [];
  private readonly at = new Map<NodeId, readonly [number, number]>();
  private readonly names = new Map<string, string>();
  private readonly taken = new Set<string>();

  constructor(graph: Graph, options: PrintOptions) {
    this.graph = graph;
    this.options = options;
  }

  print(): PrintedGraph {
    const { info } = this.graph;
    if (this.options.full) {
      const fields: string[] = [`ir_version = ${info.irVersion}`, `opset = ${this.printVersions(info.opsets)}`, `format = ${quote(info.format)}`];
      if (info.producerName) fields.push(`producer_name = ${quote(info.producerName)}`);
      if (info.producerVersion) fields.push(`producer_version = ${quote(info.producerVersion)}`);
      if (info.domain) fields.push(`domain = ${quote(info.domain)}`);
      if (info.modelVersion) fields.push(`model_version = ${info.modelVersion}`);
      if (info.doc) fields.push(`doc = ${quote(info.doc)}`);
      if (Object.keys(info.metadata).length > 0) fields.push(`metadata = ${this.printMap(info.metadata)}`);
      this.lines.push(`model {${fields.join(", ")}}`);
    }
    // Names are given to parameters and nodes in print order, so that the text does not depend on ids.
    const root = this.graph.root;
    this.printRegion(root, `graph @${/^[A-Za-z0-9_.-]+$/.test(root.name) ? root.name : quote(root.name)}`, "", true);
    for (const f of info.functions) {
      const head = [`function ${quote(f.domain)} ${quote(f.name)}${f.overload ? ` overload ${quote(f.overload)}` : ""}`];
      const attributes = [
        ...f.attributeNames,
        ...Object.entries(f.attributeDefaults).map(([name, value]) => `${name} = ${printAttribute(value)}`),
      ];
      head.push(`attributes {${attributes.join(", ")}} opset ${this.printVersions(f.opsets)} `);
      this.printRegion(this.graph.region(f.region), head.join(" "), "", true);
    }
    return { text: `${this.lines.join("\n")}\n`, lines: this.at };
  }

  private printMap(map: Readonly<Record<string, string>>): string {
    return `{${Object.entries(map).map(([k, v]) => `${quote(k)} = ${quote(v)}`).join(", ")}}`;
  }

  private printVersions(map: Readonly<Record<string, number>>): string {
    return `{${Object.entries(map).map(([k, v]) => `${quote(k)} = ${v}`).join(", ")}}`;
  }

  private define(node: Node, output: number): string {
    const name = node.outputs[output]?.name ?? "";
    let label = name === "" ? `${node.id}_${output}` : name;
    if (this.taken.has(label)) {
      let n = 1;
      while (this.taken.has(`${label}$${n}`)) n++;
      label = `${label}$${n}`;
    }
    this.taken.add(label);
    const printed = printValueName(label);
    this.names.set(`${node.id}:${output}`, printed);
    return printed;
  }

  private value(ref: ValueRef | null): string {
    if (!ref) return "_";
    return this.names.get(`${ref.node}:${ref.output}`) ?? `%<undefined ${ref.node}:${ref.output}>`;
  }

  private notes(node: { doc: string; metadata: Readonly<Record<string, string>> }): string {
    if (!this.options.full) return "";
    const doc = node.doc ? ` doc ${quote(node.doc)}` : "";
    return doc + (Object.keys(node.metadata).length > 0 ? ` meta ${this.printMap(node.metadata)}` : "");
  }

  private typeSuffix(type: ValueType): string {
    return type === unknownType ? "" : `: ${type.text}`;
  }

  private constantText(value: ConstantValue, storage: "initializer" | "node"): string {
    const limit = this.options.inlineElements ?? 16;
    const head = `constant${storage === "node" ? " node" : ""} ${value.type.text}`;
    return value.count <= limit ? `${head} ${printElements(value.tensor())}` : `${head} elided`;
  }

  private printRegion(region: Region, head: string, indent: string, withResults: boolean): void {
    const parameters = region.parameters.map((id) => {
      const node = this.graph.node(id);
      const label = this.define(node, 0);
      const first = this.lines.length + 1;
      this.at.set(id, [first, first]);
      const fallback = node.kind === "parameter" && node.fallback ? ` = ${this.constantText(node.fallback, "initializer")}` : "";
      return `${label}${this.typeSuffix(node.outputs[0]!.type)}${fallback}${this.notes(node)}`;
    });
    const order = topologicalOrder(this.graph, region.id).filter((id) => this.graph.node(id).kind !== "parameter");
    const inner = `${indent}  `;
    const opening = this.lines.length;
    this.lines.push("");
    for (const id of order) this.printNode(this.graph.node(id), inner);
    const results = region.outputs.map((o) => {
      const node = this.graph.node(o.value.node);
      const own = node.outputs[o.value.output]?.name ?? "";
      const label = this.value(o.value);
      return own === o.name && label === printValueName(own) ? label : `${label} as ${quote(o.name)}`;
    });
    if (results.length > 0) this.lines.push(`${inner}return ${results.join(", ")}`);
    const doc = this.options.full && region.doc ? ` doc ${quote(region.doc)}` : "";
    const types = withResults ? ` -> (${region.outputs.map((o) => `${printValueName(o.name)}${this.typeSuffix(o.declared === unknownType ? this.graph.type(o.value) : o.declared)}${this.options.full && o.doc ? ` doc ${quote(o.doc)}` : ""}`).join(", ")})` : "";
    this.lines[opening] = `${head}(${parameters.join(", ")})${types}${doc} {`;
    this.lines.push(`${indent}}`);
  }

  private printNode(node: Node, indent: string): void {
    const first = this.lines.length + 1;
    if (node.kind === "parameter") return;
    if (node.kind === "constant") {
      const label = this.define(node, 0);
      this.lines.push(`${indent}${label} = ${this.constantText(node.value, node.storage)}${node.name ? ` ${quote(node.name)}` : ""}${this.notes(node)}`);
      this.at.set(node.id, [first, first]);
      return;
    }
    const bodies = Object.entries(node.regions);
    const inputs = node.inputs.map((input) => this.value(input)).join(", ");
    const attributes = Object.entries(node.attributes).map(([name, value]) => `${name} = ${printAttribute(value)}`);
    const op = `${node.domain === "" ? "" : /^[A-Za-z_][A-Za-z0-9_.]*$/.test(node.domain) ? `${node.domain}.` : `${quote(node.domain)}.`}${node.op}${node.overload ? `:${node.overload}` : ""}`;
    const call = `${op}(${inputs})${attributes.length > 0 ? ` {${attributes.join(", ")}}` : ""}${node.name ? ` ${quote(node.name)}` : ""}${this.notes(node)}`;
    if (bodies.length === 0) {
      this.lines.push(`${indent}${this.results(node)} = ${call}`);
    } else {
      const opening = this.lines.length;
      // A fused group's result bears the name that its body's last value has too: the group comes first.
      const results = this.results(node);
      for (const [i, [name, region]] of bodies.entries()) this.printBody(region, i === 0 ? `${indent}… ${name} ` : `${indent}${name} `, indent, i > 0);
      this.lines[opening] = `${indent}${results} = ${call} ${(this.lines[opening] as string).slice(indent.length + 2)}`;
    }
    this.at.set(node.id, [first, this.lines.length]);
  }

  private printBody(region: RegionId, head: string, indent: string, joins: boolean): void {
    if (joins) {
      // "} else_branch (...) {" continues on the closing line of the body before.
      const closing = this.lines.pop() as string;
      head = `${closing} ${head.slice(indent.length)}`;
    }
    this.printRegion(this.graph.region(region), head, indent, false);
  }

  private results(node: Node): string {
    return node.outputs
      .map((output, i) => (output.name === "" && this.graph.usesOfValue({ node: node.id, output: i }).length === 0 ? "_" : this.define(node, i) + this.typeSuffix(output.type)))
      .join(", ");
  }
}
