import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { ConstantValue } from "../../ir/constant.ts";
import type { FunctionDefinition, NodeId, ParameterNode, Region, RegionId, ValueRef } from "../../ir/graph.ts";
import { unknownType, type ValueType } from "../../ir/value-type.ts";
import { regionKey } from "../../importers/onnx/carried.ts";
import { dataTypeOf } from "../../importers/onnx/element-types.ts";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type TypeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "../../importers/onnx/onnx_pb.ts";
import { encodeText } from "../../importers/onnx/text.ts";
import { writeType } from "../../importers/onnx/type-proto.ts";
import type { Diagnostic } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import { type ExternalFile, rawChunk } from "./external-file.ts";
import { NameScope } from "./names.ts";
import { Parts, partsOf } from "./parts.ts";
import { allNodes, type Opsets, type PlannedConstant, type PlannedGraph, type PlannedItem, type PlannedNode, type Planner } from "./plan.ts";
import { writeAttribute, writeSparse } from "./write-attribute.ts";

/** Constants of at least this many bytes are written apart from the messages around them. */
const streamedBytes = 1024;
/** Nodes that are serialized at once. */
const batchNodes = 256;

/** Field numbers of what is written around unlimited content. */
const field = {
  graph: { node: 1, initializer: 5 },
  node: { attribute: 5 },
  attribute: { t: 5, g: 6, graphs: 11 },
  function: { node: 7 },
} as const;

interface Options {
  readonly planner: Planner;
  readonly irVersion: number;
  readonly external: ExternalFile | undefined;
  readonly task: Task;
}

/** A graph with its names chosen. */
interface Named {
  readonly plan: PlannedGraph;
  readonly region: Region;
  /** Identity nodes that give outputs their names */
  readonly identities: readonly { readonly from: ValueRef; readonly name: string }[];
  readonly outputs: readonly string[];
  readonly inFunction: boolean;
}

/** Serializes planned graphs. */
export class GraphWriter {
  readonly diagnostics: Diagnostic[] = [];
  private readonly planner: Planner;
  private readonly irVersion: number;
  private readonly external: ExternalFile | undefined;
  private readonly task: Task;
  private readonly names = new Map<NodeId, string[]>();
  private readonly scopes = new Map<PlannedGraph, NameScope>();
  /** nodes whose outputs are used once forms are lowered */
  private readonly used = new Set<NodeId>();
  private written = 0;

  constructor(options: Options) {
    this.planner = options.planner;
    this.irVersion = options.irVersion;
    this.external = options.external;
    this.task = options.task;
  }

  /** Content of the model's GraphProto. */
  writeModelGraph(plan: PlannedGraph): Parts {
    this.markUsed(plan);
    const named = this.nameGraph(plan, undefined, false);
    return this.writeGraph(named);
  }

  /** Content of a FunctionProto. Initializers become Constant nodes, since functions have none. */
  writeFunction(definition: FunctionDefinition, plan: PlannedGraph, opsets: Readonly<Opsets>): Parts {
    this.markUsed(plan);
    const named = this.nameGraph(plan, undefined, true);
    const carried = this.carriedOf(plan.region);
    const parts = partsOf(
      toBinary(
        FunctionProtoSchema,
        create(FunctionProtoSchema, {
          name: definition.name,
          input: named.region.parameters.map((id) => this.nameOf({ node: id, output: 0 })),
          output: [...named.outputs],
          attribute: [...definition.attributeNames],
          ...(definition.doc === "" ? (named.region.doc === "" ? {} : { docString: named.region.doc }) : { docString: definition.doc }),
          opsetImport: Object.entries(opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
          domain: definition.domain,
          attributeProto: Object.entries(definition.attributeDefaults).map(([name, value]) => writeAttribute(name, value)),
          valueInfo: carried ? this.valueInfo(named, carried) : [],
          ...(definition.overload === "" ? {} : { overload: definition.overload }),
          metadataProps: entries(definition.metadata),
        }),
      ),
    );
    return parts.append(this.writeNodes(named, carried, field.function.node));
  }

  // ---- names

  private nameOf(ref: ValueRef | null): string {
    return ref ? (this.names.get(ref.node)?.[ref.output] ?? "") : "";
  }

  private markUsed(plan: PlannedGraph): void {
    const mark = (region: RegionId): void => {
      for (const output of this.planner.graph.region(region).outputs) {
        const ref = this.planner.resolve(output.value);
        if (ref) this.used.add(ref.node);
      }
    };
    mark(plan.region);
    for (const node of allNodes(plan)) {
      for (const input of node.raw.inputs) if (input) this.used.add(input.node);
      for (const body of node.bodies.values()) mark(body.region);
    }
  }

  /** A constant that the lowering to an older form made needless is not written; one that never had a use is. */
  private isWritten(item: PlannedConstant): boolean {
    return this.used.has(item.id) || (this.planner.graph.find(item.id) !== undefined && this.planner.graph.usesOf(item.id).length === 0);
  }

  private nameGraph(plan: PlannedGraph, parent: NameScope | undefined, inFunction: boolean): Named {
    const { graph } = this.planner;
    const region = graph.region(plan.region);
    const scope = new NameScope(parent);
    this.scopes.set(plan, scope);
    const top = parent === undefined;
    for (const id of region.parameters) {
      const wanted = graph.node(id).outputs[0]?.name ?? "";
      if (top) scope.reserve(wanted);
      this.names.set(id, [top ? wanted : this.take(scope, wanted)]);
    }
    const own = new Map<NodeId, PlannedItem>(plan.items.map((item) => [item.id, item]));
    const refs = region.outputs.map((output) => this.planner.resolve(output.value));
    const outputs = region.outputs.map((output) => output.name);
    // A body's results go by position, so a name that is taken around it gives way.
    if (!top)
      for (const [index, ref] of refs.entries())
        if (ref && own.has(ref.node) && scope.has(outputs[index] as string)) outputs[index] = this.take(scope, outputs[index] as string);
    const identities: { from: ValueRef; name: string }[] = [];
    /** output names that are given already */
    const given = new Set<string>();
    const give = (index: number): boolean => {
      const ref = refs[index];
      const name = outputs[index] as string;
      const item = ref && own.get(ref.node);
      if (!ref || !item || this.nameOf(ref) !== "" || given.has(name) || name === "") return false;
      this.setName(ref, name);
      given.add(name);
      scope.reserve(name);
      return true;
    };
    // Values that are called as an output is come first: two outputs may show the same value.
    for (const [index, ref] of refs.entries()) {
      const item = ref && own.get(ref.node);
      if (ref && item && this.planner.wantedName(item, ref.output) === outputs[index]) give(index);
    }
    for (const index of refs.keys()) {
      if (give(index)) continue;
      const ref = refs[index];
      if (!ref || this.nameOf(ref) === outputs[index]) continue;
      if (!given.has(outputs[index] as string)) {
        if (!top || outputs[index] === "") outputs[index] = this.take(scope, outputs[index] as string);
        else scope.reserve(outputs[index] as string);
        given.add(outputs[index]);
      } else outputs[index] = scope.take(outputs[index] as string);
      identities.push({ from: ref, name: outputs[index] as string });
    }
    for (const inner of [false, true])
      for (const item of plan.items) this.nameOutputs(item, scope, inner);
    return { plan, region, identities, outputs, inFunction };
  }

  /** Names the outputs of an item that have none yet: those known outside fused groups, or those inside. */
  private nameOutputs(item: PlannedItem, scope: NameScope, inner: boolean): void {
    const count = item.kind === "constant" ? 1 : item.raw.outputs.length;
    for (let output = 0; output < count; output++) {
      const ref = { node: item.id, output };
      if (this.nameOf(ref) !== "" || this.planner.isInner(item, output) !== inner) continue;
      const wanted = this.planner.wantedName(item, output);
      if (wanted === "" && !this.isUsed(ref)) continue;
      this.setName(ref, this.take(scope, wanted));
    }
  }

  private isUsed(ref: ValueRef): boolean {
    return this.planner.graph.find(ref.node) ? this.planner.graph.usesOfValue(ref).length > 0 : this.used.has(ref.node);
  }

  private take(scope: NameScope, wanted: string): string {
    const name = scope.take(wanted);
    if (name !== wanted && wanted !== "")
      this.diagnostics.push({ severity: "info", code: "renamed-value", message: `the value ${JSON.stringify(wanted)} is written as ${JSON.stringify(name)}: the name is taken.` });
    return name;
  }

  private setName(ref: ValueRef, name: string): void {
    const names = this.names.get(ref.node) ?? [];
    names[ref.output] = name;
    this.names.set(ref.node, names);
  }

  // ---- messages

  private carriedOf(region: RegionId): GraphProto | undefined {
    const bytes = this.planner.graph.info.carried?.[regionKey(region)];
    return bytes && fromBinary(GraphProtoSchema, bytes);
  }

  private writeGraph(named: Named): Parts {
    const { plan, region } = named;
    const carried = this.carriedOf(plan.region);
    const sparse = new Set(carried?.sparseInitializer.map((tensor) => tensor.values?.name ?? ""));
    const isSparse = (item: PlannedNode): boolean => sparse.has(this.nameOf({ node: item.id, output: 0 })) && item.raw.op === "Constant" && item.raw.attributes.sparse_value?.kind === "sparse";
    const parts = this.writeNodes(named, carried, field.graph.node, isSparse);
    // Checkers and runtimes refuse a body without a name.
    const name = region.name === "" && region.owner !== null ? "body" : region.name;
    if (name !== "") parts.add(toBinary(GraphProtoSchema, create(GraphProtoSchema, { name })));

    const initializers: { name: string; value: ConstantValue; doc: string; metadata: Readonly<Record<string, string>> }[] = [];
    for (const id of region.parameters) {
      const node = this.planner.graph.node(id) as ParameterNode;
      if (node.fallback) initializers.push({ name: this.nameOf({ node: id, output: 0 }), value: node.fallback, doc: "", metadata: {} });
    }
    for (const item of plan.items)
      if (item.kind === "constant" && item.storage === "initializer" && this.isWritten(item))
        initializers.push({ name: this.nameOf({ node: item.id, output: 0 }), value: item.value, doc: item.doc, metadata: item.metadata });
    for (const { name, value, doc, metadata } of initializers) parts.field(field.graph.initializer, this.tensorParts(value, name, doc, metadata));

    const inputs = this.inputs(named, carried);
    if (this.irVersion < 4) for (const { name, value } of initializers) if (!inputs.some((entry) => entry.name === name)) inputs.push(valueInfoOf(name, value.type));
    if (carried && carried.input.length > 0) {
      const position = new Map(carried.input.map((entry, index) => [entry.name, index]));
      const rank = (entry: ValueInfoProto): number => position.get(entry.name) ?? Infinity;
      if (this.irVersion < 4) inputs.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
    }
    parts.add(
      toBinary(
        GraphProtoSchema,
        create(GraphProtoSchema, {
          ...(region.doc === "" ? {} : { docString: region.doc }),
          input: inputs,
          output: this.outputs(named, carried),
          valueInfo: carried ? this.valueInfo(named, carried) : [],
          quantizationAnnotation: carried ? this.annotations(named, carried) : [],
          sparseInitializer: plan.items.flatMap((item) => {
            const value = item.kind === "node" && isSparse(item) ? item.raw.attributes.sparse_value : undefined;
            return value?.kind === "sparse" ? [writeSparse(value, this.nameOf({ node: item.id, output: 0 }))] : [];
          }),
          metadataProps: carried?.metadataProps ?? [],
        }),
      ),
    );
    return parts;
  }

  private inputs({ region }: Named, carried: GraphProto | undefined): ValueInfoProto[] {
    return region.parameters.map((id) => {
      const node = this.planner.graph.node(id);
      const name = this.nameOf({ node: id, output: 0 });
      const info = valueInfoOf(name, node.outputs[0]?.type ?? unknownType, node.doc, node.metadata);
      const extra = carried?.input.find((entry) => entry.name === name);
      if (extra?.type) info.type = withDenotations(info.type, extra.type);
      return info;
    });
  }

  private outputs({ region, outputs }: Named, carried: GraphProto | undefined): ValueInfoProto[] {
    return region.outputs.map((output, index) => {
      const ref = this.planner.resolve(output.value);
      const type = output.declared.kind === "unknown" && region.owner === null ? this.planner.typeOf(ref) : output.declared;
      const info = valueInfoOf(outputs[index] as string, type, output.doc);
      const extra = carried?.output.find((entry) => entry.name === output.name);
      if (extra?.type) info.type = withDenotations(info.type, extra.type);
      if (extra) info.metadataProps = extra.metadataProps;
      return info;
    });
  }

  /** The values that the source declared and that are still there, with today's types. */
  private valueInfo({ plan }: Named, carried: GraphProto): ValueInfoProto[] {
    if (carried.valueInfo.length === 0) return [];
    const values = new Map<string, ValueRef>();
    for (const id of this.planner.graph.region(plan.region).parameters) values.set(this.nameOf({ node: id, output: 0 }), { node: id, output: 0 });
    for (const item of plan.items)
      for (const [output, name] of (this.names.get(item.id) ?? []).entries()) if (name) values.set(name, { node: item.id, output });
    return carried.valueInfo.flatMap((entry) => {
      const ref = values.get(entry.name);
      if (!ref) return [];
      const info = valueInfoOf(entry.name, this.planner.typeOf(ref), entry.docString);
      if (entry.type) info.type = withDenotations(info.type, entry.type);
      info.metadataProps = entry.metadataProps;
      return [info];
    });
  }

  private annotations({ plan }: Named, carried: GraphProto): GraphProto["quantizationAnnotation"] {
    const scope = this.scopes.get(plan) as NameScope;
    return carried.quantizationAnnotation.filter((annotation) => {
      const lost = [annotation.tensorName, ...annotation.quantParameterTensorNames.map((entry) => entry.value)].find((name) => !scope.has(name));
      if (lost !== undefined)
        this.diagnostics.push({ severity: "info", code: "quantization-annotation", message: `the quantization annotation of ${JSON.stringify(annotation.tensorName)} is left out: ${JSON.stringify(lost)} is no longer there.` });
      return lost === undefined;
    });
  }

  /** All nodes as entries of field `number`. */
  private writeNodes(named: Named, carried: GraphProto | undefined, number: number, leaveOut: (item: PlannedNode) => boolean = () => false): Parts {
    const parts = new Parts();
    const batch: NodeProto[] = [];
    const flush = (): void => {
      if (batch.length === 0) return;
      // One message type or the other: entries of the list are all that is in it.
      if (number === field.graph.node) parts.add(toBinary(GraphProtoSchema, create(GraphProtoSchema, { node: batch })));
      else parts.add(toBinary(FunctionProtoSchema, create(FunctionProtoSchema, { node: batch })));
      batch.length = 0;
    };
    const devices = new Map(carried?.node.map((node) => [node.output.join("\0"), node.deviceConfigurations]));
    for (const item of named.plan.items) {
      if ((++this.written & 255) === 0) this.task.check();
      if (item.kind === "constant") {
        if (item.storage === "initializer" && !named.inFunction) continue;
        if (!this.isWritten(item)) continue;
        flush();
        parts.field(number, this.constantNode(item));
        continue;
      }
      if (leaveOut(item)) continue;
      const proto = this.nodeProto(item);
      const configurations = devices.get(proto.output.join("\0"));
      if (configurations) proto.deviceConfigurations = configurations;
      if (item.bodies.size === 0) {
        if (batch.push(proto) >= batchNodes) flush();
        continue;
      }
      flush();
      const node = partsOf(toBinary(NodeProtoSchema, proto));
      for (const attribute of this.bodyAttributes(item, named)) node.field(field.node.attribute, attribute);
      parts.field(number, node);
    }
    for (const { from, name } of named.identities) batch.push(create(NodeProtoSchema, { opType: "Identity", input: [this.nameOf(from)], output: [name] }));
    flush();
    return parts;
  }

  private nodeProto(item: PlannedNode): NodeProto {
    const { raw } = item;
    return create(NodeProtoSchema, {
      input: raw.inputs.map((ref) => this.nameOf(ref)),
      output: raw.outputs.map((_, output) => this.nameOf({ node: item.id, output })),
      ...(raw.name === "" ? {} : { name: raw.name }),
      opType: raw.op,
      ...(raw.domain === "" ? {} : { domain: raw.domain }),
      ...(item.overload === "" ? {} : { overload: item.overload }),
      attribute: Object.entries(raw.attributes).map(([name, value]) => writeAttribute(name, value)),
      ...(item.doc === "" ? {} : { docString: item.doc }),
      metadataProps: entries(item.metadata),
    });
  }

  /** The bodies of a node as AttributeProto contents. */
  private bodyAttributes(item: PlannedNode, around: Named): Parts[] {
    const scope = this.scopes.get(around.plan) as NameScope;
    const lists = new Map<string, Parts>();
    const attributes: Parts[] = [];
    for (const [key, plan] of item.bodies) {
      const content = this.writeGraph(this.nameGraph(plan, scope, false));
      const entry = /^(.+)\[\d+\]$/.exec(key);
      if (entry) {
        const name = entry[1] as string;
        let list = lists.get(name);
        if (!list) {
          list = partsOf(toBinary(AttributeProtoSchema, create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPHS })));
          lists.set(name, list);
          attributes.push(list);
        }
        list.field(field.attribute.graphs, content);
      } else attributes.push(partsOf(toBinary(AttributeProtoSchema, create(AttributeProtoSchema, { name: key, type: AttributeProto_AttributeType.GRAPH }))).field(field.attribute.g, content));
    }
    return attributes;
  }

  private constantNode(item: PlannedConstant): Parts {
    const node = create(NodeProtoSchema, {
      output: [this.nameOf({ node: item.id, output: 0 })],
      ...(item.nodeName === "" ? {} : { name: item.nodeName }),
      opType: "Constant",
      ...(item.doc === "" ? {} : { docString: item.doc }),
      metadataProps: entries(item.metadata),
    });
    const attribute = partsOf(toBinary(AttributeProtoSchema, create(AttributeProtoSchema, { name: "value", type: AttributeProto_AttributeType.TENSOR })));
    attribute.field(field.attribute.t, this.tensorParts(item.value, "", "", {}));
    return partsOf(toBinary(NodeProtoSchema, node)).field(field.node.attribute, attribute);
  }

  /** Content of a TensorProto. */
  private tensorParts(value: ConstantValue, name: string, doc: string, metadata: Readonly<Record<string, string>>): Parts {
    const { element } = value.type;
    const header: MessageInitShape<typeof TensorProtoSchema> = {
      dims: value.dims.map(BigInt),
      ...(element === null ? {} : { dataType: dataTypeOf(element) }),
      ...(name === "" ? {} : { name }),
      ...(doc === "" ? {} : { docString: doc }),
      metadataProps: entries(metadata),
    };
    if (element === "string") {
      const texts = value.tensor().data as string[];
      return partsOf(toBinary(TensorProtoSchema, create(TensorProtoSchema, { ...header, stringData: texts.map(encodeText) })));
    }
    if (this.external?.takes(value)) {
      const { offset, length } = this.external.place(value);
      const externalData = Object.entries({ location: this.external.name, offset: `${offset}`, length: `${length}` }).map(([key, text]) => ({ key, value: text }));
      return partsOf(toBinary(TensorProtoSchema, create(TensorProtoSchema, { ...header, externalData, dataLocation: TensorProto_DataLocation.EXTERNAL })));
    }
    const chunk = rawChunk(value);
    if (chunk instanceof Uint8Array && chunk.length < streamedBytes) return partsOf(toBinary(TensorProtoSchema, create(TensorProtoSchema, { ...header, rawData: chunk })));
    return partsOf(toBinary(TensorProtoSchema, create(TensorProtoSchema, header))).field(rawDataField, partsOf(chunk));
  }
}

const rawDataField = 9;

const entries = (record: Readonly<Record<string, string>>): { key: string; value: string }[] => Object.entries(record).map(([key, value]) => ({ key, value }));

function valueInfoOf(name: string, type: ValueType, doc = "", metadata: Readonly<Record<string, string>> = {}): ValueInfoProto {
  const proto = writeType(type);
  return create(ValueInfoProtoSchema, { name, ...(proto ? { type: proto } : {}), ...(doc === "" ? {} : { docString: doc }), metadataProps: entries(metadata) });
}

/** Today's type with the denotations of the source's, where the two have the same form; opaque types as they were. */
function withDenotations(type: TypeProto | undefined, source: TypeProto): TypeProto {
  if (!type || source.value.case === "opaqueType") return source;
  if (source.denotation !== "") type.denotation = source.denotation;
  const shapes = [type, source].map((t) => (t.value.case === "tensorType" || t.value.case === "sparseTensorType" ? t.value.value.shape : undefined));
  const [to, from] = shapes;
  if (to && from && to.dim.length === from.dim.length)
    for (const [index, dim] of from.dim.entries()) {
      const target = to.dim[index];
      if (dim.denotation !== "" && target) target.denotation = dim.denotation;
    }
  return type;
}
