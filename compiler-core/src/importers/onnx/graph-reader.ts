import { create, toBinary } from "@bufbuild/protobuf";
import type { Attribute } from "../../ir/attribute.ts";
import { ConstantValue } from "../../ir/constant.ts";
import type { FunctionDefinition, RegionId, ValueRef } from "../../ir/graph.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import { fromNumbers, int64Vector, makeTensor, type Tensor } from "../../ir/tensor.ts";
import { unknownType, type ValueType } from "../../ir/value-type.ts";
import type { ConversionContext, RawNode } from "../../ops/definition.ts";
import { needsUpgrade, newestOpset, upgradeNode } from "../../ops/versions.ts";
import { type Diagnostic, GraphwrightError, located, type Where } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import { frozenDomain, regionKey } from "./carried.ts";
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
  type TypeProto,
  type ValueInfoProto,
} from "./onnx_pb.ts";
import { readAttribute } from "./read-attribute.ts";
import { sortNodes } from "./sort-nodes.ts";
import { readConstant, readSparse, type TensorContext } from "./tensor-proto.ts";
import { decodeText } from "./text.ts";
import { readType } from "./type-proto.ts";

/** Bodies within bodies; far beyond any real model, and safe for the stack. */
const deepestBody = 64;
const noMetadata: Readonly<Record<string, string>> = Object.freeze({});
const noRegions: Readonly<Record<string, RegionId>> = Object.freeze({});

/** Names that a graph sees: its own, then those of the graphs around it. */
class Scope {
  readonly values = new Map<string, ValueRef>();
  readonly parent: Scope | undefined;
  readonly depth: number;

  constructor(parent: Scope | undefined) {
    this.parent = parent;
    this.depth = parent ? parent.depth + 1 : 0;
  }

  find(name: string): ValueRef | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const ref = scope.values.get(name);
      if (ref) return ref;
    }
    return undefined;
  }
}

/** What nodes of one graph or function have in common. */
interface Body {
  readonly region: RegionId;
  readonly scope: Scope;
  readonly opsets: Readonly<Record<string, number>>;
  readonly declared: ReadonlyMap<string, ValueType>;
  readonly path: string;
  readonly inFunction: boolean;
}

export interface GraphReaderOptions {
  readonly rewriter: Rewriter;
  readonly context: TensorContext;
  readonly irVersion: number;
  readonly diagnostics: Diagnostic[];
  readonly task: Task;
  /** every value name of the model, asked for when a helper needs one of its own */
  readonly valueNames: () => Set<string>;
}

/** Builds regions from GraphProto and FunctionProto messages. */
export class GraphReader {
  /** what the graph cannot hold, by key of `ModelInfo.carried` */
  readonly carried: Record<string, Uint8Array> = {};
  private readonly rewriter: Rewriter;
  private readonly context: TensorContext;
  private readonly irVersion: number;
  private readonly diagnostics: Diagnostic[];
  private readonly task: Task;
  private readonly upgrades = new Map<string, boolean>();
  private readonly warned = new Set<string>();
  private attributeDocs = 0;
  private unknownFields = 0;
  private checksums = 0;
  private names: Set<string> | undefined;
  private readonly valueNames: () => Set<string>;
  private nodesRead = 0;

  constructor(options: GraphReaderOptions) {
    this.rewriter = options.rewriter;
    this.context = options.context;
    this.irVersion = options.irVersion;
    this.diagnostics = options.diagnostics;
    this.task = options.task;
    this.valueNames = options.valueNames;
  }

  /** Reports what was counted over the whole model. */
  finish(): void {
    const note = (count: number, code: string, message: string): void => {
      if (count > 0) this.diagnostics.push({ severity: "info", code, message, where: { file: this.context.file } });
    };
    note(this.attributeDocs, "attribute-docs", `documentation strings of ${this.attributeDocs} attributes are not kept.`);
    note(this.unknownFields, "unknown-fields", `${this.unknownFields} messages hold fields that are unknown here; those are left out.`);
    note(this.checksums, "external-checksum", `the SHA1 checksums of ${this.checksums} external tensors are neither checked nor written back.`);
  }

  readGraph(proto: GraphProto, region: RegionId, parent: Scope | undefined, opsets: Readonly<Record<string, number>>, path: string): void {
    const { rewriter } = this;
    const scope = new Scope(parent);
    if (scope.depth > deepestBody) throw this.error("nesting", `graphs are nested more than ${deepestBody} deep.`, { field: path });
    rewriter.describeRegion(region, proto.name, proto.docString);
    if (proto.$unknown) this.unknownFields++;

    const declared = new Map<string, ValueType>();
    for (const entry of proto.valueInfo) declared.set(entry.name, this.typeOf(entry, path));
    for (const entry of proto.output) if (!declared.has(entry.name)) declared.set(entry.name, this.typeOf(entry, path));

    const initializers = new Map<string, TensorProto | SparseTensorProto>();
    const addInitializer = (name: string, tensor: TensorProto | SparseTensorProto): void => {
      if (initializers.has(name)) throw this.duplicate(name, "two initializers", path);
      initializers.set(name, tensor);
    };
    for (const tensor of proto.initializer) addInitializer(tensor.name, tensor);
    for (const tensor of proto.sparseInitializer) addInitializer(tensor.values?.name ?? "", tensor);

    for (const input of proto.input) {
      const tensor = initializers.get(input.name);
      // Before IR version 4 every initializer had to be listed as an input, and none could be overridden.
      if (tensor && (this.irVersion < 4 || isSparse(tensor))) continue;
      const type = this.typeOf(input, path);
      const metadata = toRecord(input.metadataProps);
      const fallback = tensor ? this.constantOf(tensor) : undefined;
      if (tensor) initializers.delete(input.name);
      this.define(scope, input.name, rewriter.addParameter({ name: input.name, type, region, doc: input.docString, metadata, ...(fallback ? { fallback } : {}) }), path);
    }
    const body: Body = { region, scope, opsets, declared, path, inFunction: false };
    for (const [name, tensor] of initializers) {
      if (isSparse(tensor)) this.addSparseConstant(body, name, tensor);
      else
        this.define(
          scope,
          name,
          rewriter.addConstant({ value: this.constantOf(tensor), name, storage: "initializer", doc: tensor.docString, metadata: toRecord(tensor.metadataProps), region }),
          path,
        );
    }
    this.readNodes(proto.node, body);
    for (const output of proto.output) {
      const value = scope.find(output.name);
      if (!value) throw this.error("undefined-value", `the output ${JSON.stringify(output.name)} is computed by no node.`, { field: `${path}.output` });
      rewriter.addOutput(region, { name: output.name, value, declared: this.typeOf(output, path), doc: output.docString });
    }
    this.carry(region, proto);
  }

  readFunction(proto: FunctionProto, opsets: Readonly<Record<string, number>>, metadata: Readonly<Record<string, string>>): FunctionDefinition {
    const { rewriter } = this;
    const path = `function ${proto.domain}.${proto.name}`;
    const region = rewriter.addRegion(proto.name, proto.docString);
    const scope = new Scope(undefined);
    const declared = new Map<string, ValueType>();
    for (const entry of proto.valueInfo) declared.set(entry.name, this.typeOf(entry, path));
    for (const name of proto.input) this.define(scope, name, rewriter.addParameter({ name, type: declared.get(name) ?? unknownType, region }), path);
    this.readNodes(proto.node, { region, scope, opsets, declared, path, inFunction: true });
    for (const name of proto.output) {
      const value = scope.find(name);
      if (!value) throw this.error("undefined-value", `the output ${JSON.stringify(name)} is computed by no node.`, { field: path });
      rewriter.addOutput(region, { name, value, declared: declared.get(name) ?? unknownType });
    }
    if (proto.valueInfo.length > 0) this.carryValueInfo(region, proto.valueInfo);
    const attributeDefaults: Record<string, Attribute> = {};
    for (const attribute of proto.attributeProto) {
      const read = located({ file: this.context.file, field: path }, () => readAttribute(attribute, this.context));
      if ("attribute" in read) attributeDefaults[attribute.name] = read.attribute;
      else throw this.error("attribute", `the default of the attribute "${attribute.name}" is a graph, which functions cannot have here.`, { field: path });
    }
    return {
      domain: proto.domain === "ai.onnx" ? "" : proto.domain,
      name: proto.name,
      overload: proto.overload,
      doc: proto.docString,
      attributeNames: proto.attribute,
      attributeDefaults,
      region,
      opsets,
      metadata,
    };
  }

  private readNodes(protos: readonly NodeProto[], body: Body): void {
    const sorted = sortNodes(protos, this.context.file, (name) => body.scope.values.has(name));
    if (sorted !== protos)
      this.diagnostics.push({
        severity: "warning",
        code: "unsorted-nodes",
        message: "nodes come before those that make their inputs; they are sorted.",
        where: { file: this.context.file, field: `${body.path}.node` },
      });
    for (const proto of sorted) {
      if ((++this.nodesRead & 1023) === 0) this.task.check();
      this.readNode(proto, body);
    }
  }

  private readNode(proto: NodeProto, body: Body): void {
    const { rewriter } = this;
    const { region, scope, path } = body;
    const domain = proto.domain === "ai.onnx" ? "" : proto.domain;
    if (proto.$unknown) this.unknownFields++;
    try {
      if (domain === "" && proto.opType === "Constant" && this.readConstantNode(proto, body)) return;
      const inputs = proto.input.map((name): ValueRef | null => {
        if (name === "") return null;
        const ref = scope.find(name);
        if (!ref) throw new GraphwrightError("undefined-value", `its input ${JSON.stringify(name)} is no input, initializer or output of another node.`, undefined, "The model is damaged, or was cut out of a larger one.");
        return ref;
      });
      const attributes: Record<string, Attribute> = {};
      let regions: Record<string, RegionId> | undefined;
      for (const attribute of proto.attribute) {
        this.look(attribute);
        if (Object.hasOwn(attributes, attribute.name) || regions?.[attribute.name] !== undefined)
          throw new GraphwrightError("attribute", `the attribute "${attribute.name}" is given twice.`);
        const read = readAttribute(attribute, this.context);
        if ("attribute" in read) {
          define(attributes, attribute.name, read.attribute);
          continue;
        }
        regions ??= {};
        for (const [index, graph] of read.graphs.entries()) {
          const inner = rewriter.addRegion(graph.name, graph.docString);
          this.readGraph(graph, inner, scope, body.opsets, `${path} > ${proto.name || proto.opType}.${attribute.name}`);
          define(regions, read.list ? `${attribute.name}[${index}]` : attribute.name, inner);
        }
      }
      const opset = this.opsetOf(domain, body);
      let raw: RawNode = { op: proto.opType, domain, name: proto.name, inputs, attributes, regions: regions ?? noRegions, outputs: proto.output };
      if (this.upgradeNeeded(domain, proto.opType, opset)) raw = this.upgrade(raw, opset, body);
      const id = rewriter.addNode({
        op: raw.op,
        domain: raw.domain,
        overload: proto.overload,
        inputs: raw.inputs,
        attributes: raw.attributes,
        outputs: raw.outputs.map((name) => ({ name, type: body.declared.get(name) ?? unknownType })),
        name: raw.name,
        doc: proto.docString,
        metadata: toRecord(proto.metadataProps),
        regions: raw.regions,
        region,
      });
      for (const [index, name] of raw.outputs.entries()) if (name !== "") this.define(scope, name, { node: id, output: index }, path);
    } catch (error) {
      if (error instanceof GraphwrightError) throw error.at({ node: describeProto(proto), file: this.context.file });
      throw error;
    }
  }

  /** A Constant node with a plain value becomes a constant; one with a reference or a sparse value stays an operator. */
  private readConstantNode(proto: NodeProto, body: Body): boolean {
    const attribute = proto.attribute[0];
    const output = proto.output[0];
    if (!attribute || proto.attribute.length !== 1 || output === undefined || output === "" || proto.output.length !== 1 || proto.input.length > 0 || attribute.refAttrName !== "") return false;
    const value = this.constantValue(attribute);
    if (!value) return false;
    this.look(attribute);
    const ref = this.rewriter.addConstant({
      value,
      name: output,
      storage: "node",
      nodeName: proto.name,
      doc: proto.docString,
      metadata: toRecord(proto.metadataProps),
      region: body.region,
    });
    this.define(body.scope, output, ref, body.path);
    return true;
  }

  private constantValue(attribute: AttributeProto): ConstantValue | undefined {
    if (attribute.name === "value" && attribute.t) return this.constantOf(attribute.t);
    const tensor = constantForm(attribute);
    return tensor && ConstantValue.of(tensor);
  }

  private upgrade(raw: RawNode, opset: number, body: Body): RawNode {
    const { rewriter } = this;
    const copy: RawNode = { ...raw, inputs: [...raw.inputs], attributes: { ...raw.attributes }, regions: { ...raw.regions }, outputs: [...raw.outputs] };
    const storage = body.inFunction ? "node" : "initializer";
    const context: ConversionContext = {
      type: (ref) => rewriter.type(ref),
      constant: (ref) => rewriter.constant(ref)?.tensor(),
      addConstant: (tensor, hint) => rewriter.addConstant({ value: ConstantValue.of(tensor), name: this.helperName(hint), storage, region: body.region }),
      addNode: (op, inputs, attributes, hint) => {
        const id = rewriter.addNode({ op, inputs, ...(attributes ? { attributes } : {}), outputs: [this.helperName(hint ?? op)], region: body.region });
        return { node: id, output: 0 };
      },
    };
    try {
      upgradeNode(copy, opset, context);
      return copy;
    } catch (error) {
      if (!(error instanceof GraphwrightError) || error.diagnostic.code !== "version-semantics") throw error;
      this.diagnostics.push({
        ...error.diagnostic,
        severity: "warning",
        message: `${error.diagnostic.message} The node stays as version ${opset} has it: it is shown and exported, not rewritten or evaluated.`,
        where: { file: this.context.file, node: `${raw.name || raw.outputs[0]} (${raw.op})` },
      });
      return { ...raw, domain: frozenDomain(opset) };
    }
  }

  /** A value name that nothing in the model has. */
  private helperName(hint: string): string {
    this.names ??= this.valueNames();
    let name = hint;
    for (let i = 1; this.names.has(name); i++) name = `${hint}_${i}`;
    this.names.add(name);
    return name;
  }

  private upgradeNeeded(domain: string, op: string, opset: number): boolean {
    const key = `${domain}/${op}/${opset}`;
    let needed = this.upgrades.get(key);
    if (needed === undefined) {
      needed = needsUpgrade(domain, op, opset);
      this.upgrades.set(key, needed);
    }
    return needed;
  }

  private opsetOf(domain: string, body: Body): number {
    const version = Object.hasOwn(body.opsets, domain) ? body.opsets[domain] : undefined;
    const newest = newestOpset(domain);
    if (version === undefined) {
      this.warnOnce(`missing-opset/${domain}`, "missing-opset", `${body.path} uses operators of ${domain || "ai.onnx"} without naming its version${newest === undefined ? "" : `: version ${newest} is taken`}.`);
      return newest ?? 1;
    }
    if (newest !== undefined && version > newest)
      this.warnOnce(`newer-opset/${domain}`, "newer-opset", `operator set ${version} of ${domain || "ai.onnx"} is newer than ${newest}, the newest known here: its operators are read as version ${newest} has them.`);
    return version;
  }

  private warnOnce(key: string, code: string, message: string): void {
    if (this.warned.has(key)) return;
    this.warned.add(key);
    this.diagnostics.push({ severity: "warning", code, message, where: { file: this.context.file, field: "opset_import" } });
  }

  private constantOf(tensor: TensorProto): ConstantValue {
    if (tensor.externalData.some((entry) => entry.key === "checksum")) this.checksums++;
    return readConstant(tensor, this.context);
  }

  /** A sparse initializer is a dense value; it is kept as a Constant operator with a sparse value. */
  private addSparseConstant(body: Body, name: string, proto: SparseTensorProto): void {
    const sparse = located({ file: this.context.file, field: `sparse_initializer ${JSON.stringify(name)}` }, () => readSparse(proto, this.context));
    const id = this.rewriter.addNode({
      op: "Constant",
      inputs: [],
      attributes: { sparse_value: { kind: "sparse", ...sparse } },
      outputs: [{ name, type: body.declared.get(name) ?? unknownType }],
      region: body.region,
    });
    this.define(body.scope, name, { node: id, output: 0 }, body.path);
  }

  private define(scope: Scope, name: string, ref: ValueRef, path: string): void {
    if (scope.values.has(name)) throw this.duplicate(name, "two values", path);
    scope.values.set(name, ref);
  }

  private typeOf(entry: ValueInfoProto, path: string): ValueType {
    return located({ file: this.context.file, field: `${path}, type of ${JSON.stringify(entry.name)}` }, () => readType(entry.type));
  }

  private look(attribute: AttributeProto): void {
    if (attribute.docString !== "") this.attributeDocs++;
    if (attribute.$unknown) this.unknownFields++;
  }

  private duplicate(name: string, what: string, path: string): GraphwrightError {
    return this.error("duplicate-value", `${what} are called ${JSON.stringify(name)}.`, { field: path });
  }

  private error(code: string, message: string, where: Where): GraphwrightError {
    return new GraphwrightError(code, message, { file: this.context.file, ...where }, "The model is not valid ONNX: export it again.");
  }

  /** Keeps what the region has no field for. */
  private carry(region: RegionId, proto: GraphProto): void {
    const input = proto.input.filter((entry) => hasExtras(entry, false));
    const listsInitializers = this.irVersion < 4 && proto.initializer.length > 0;
    const rest = create(GraphProtoSchema, {
      quantizationAnnotation: proto.quantizationAnnotation,
      metadataProps: proto.metadataProps,
      valueInfo: proto.valueInfo.map((entry) => trimInfo(entry, true)),
      // The order matters where inputs and initializers are listed together.
      input: listsInitializers ? proto.input.map((entry) => trimInfo(entry, false)) : input.map((entry) => trimInfo(entry, false)),
      output: proto.output.filter((entry) => entry.metadataProps.length > 0 || needsProto(entry.type)).map((entry) => trimInfo(entry, true)),
      sparseInitializer: proto.sparseInitializer.map((tensor) => ({ values: { name: tensor.values?.name ?? "" } })),
      node: proto.node
        .filter((node) => node.deviceConfigurations.length > 0)
        .map((node) => ({ output: node.output, deviceConfigurations: node.deviceConfigurations })),
    });
    const bytes = toBinary(GraphProtoSchema, rest);
    if (bytes.length > 0) this.carried[regionKey(region)] = bytes;
  }

  private carryValueInfo(region: RegionId, list: readonly ValueInfoProto[]): void {
    this.carried[regionKey(region)] = toBinary(GraphProtoSchema, create(GraphProtoSchema, { valueInfo: list.map((entry) => trimInfo(entry, true)) }));
  }
}

/** Assigns own properties even for names like "__proto__". */
function define<T>(record: Record<string, T>, name: string, value: T): void {
  if (name === "__proto__") Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  else record[name] = value;
}

const isSparse = (tensor: TensorProto | SparseTensorProto): tensor is SparseTensorProto => tensor.$typeName === "onnx.SparseTensorProto";

const toRecord = (list: NodeProto["metadataProps"]): Readonly<Record<string, string>> =>
  list.length === 0 ? noMetadata : Object.fromEntries(list.map((entry) => [entry.key, entry.value]));

const describeProto = (proto: NodeProto): string => `${proto.name || proto.output.find((name) => name !== "") || "unnamed"} (${proto.domain === "" ? "" : `${proto.domain}.`}${proto.opType})`;

/** A type that the graph's types cannot say completely: denotations and opaque types. */
function needsProto(type: TypeProto | undefined): boolean {
  if (!type) return false;
  if (type.denotation !== "" || type.value.case === "opaqueType") return true;
  switch (type.value.case) {
    case "tensorType":
    case "sparseTensorType":
      return type.value.value.shape?.dim.some((dim) => dim.denotation !== "") ?? false;
    case "sequenceType":
    case "optionalType":
      return needsProto(type.value.value.elemType);
    case "mapType":
      return needsProto(type.value.value.valueType);
    default:
      return false;
  }
}

const hasExtras = (entry: ValueInfoProto, doc: boolean): boolean => (doc && (entry.docString !== "" || entry.metadataProps.length > 0)) || needsProto(entry.type);

/** The name, and what the graph does not hold of the rest. */
function trimInfo(entry: ValueInfoProto, doc: boolean): { name: string; type?: TypeProto; docString?: string; metadataProps?: ValueInfoProto["metadataProps"] } {
  return {
    name: entry.name,
    ...(needsProto(entry.type) && entry.type ? { type: entry.type } : {}),
    ...(doc && entry.docString !== "" ? { docString: entry.docString } : {}),
    ...(doc ? { metadataProps: entry.metadataProps } : {}),
  };
}

/** The tensor that one of Constant's short forms stands for. */
function constantForm(attribute: AttributeProto): Tensor | undefined {
  switch (attribute.name) {
    case "value_float":
      return fromNumbers("float32", [], [attribute.f]);
    case "value_floats":
      return fromNumbers("float32", [attribute.floats.length], attribute.floats);
    case "value_int":
      return makeTensor("int64", [], BigInt64Array.of(attribute.i));
    case "value_ints":
      return int64Vector(attribute.ints);
    case "value_string":
      return makeTensor("string", [], [decodeText(attribute.s)]);
    case "value_strings":
      return makeTensor("string", [attribute.strings.length], attribute.strings.map(decodeText));
    default:
      return undefined;
  }
}

