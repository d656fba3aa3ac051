import { fromBinary, mergeFromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "./onnx_pb.ts";

/*
 * Models have tens of thousands of nodes with a handful of plain fields each. The library's messages carry an array
 * for every list of the schema, filled or not, and reading makes a view for every nested message: most of the time of
 * opening a large graph goes into collecting that. Here the plain fields of nodes, attributes and tensors are read in
 * place, absent lists share one empty array, and equal strings are one string. Every other field, and every message
 * that has one, is left to the library. The messages must not be changed.
 */

const noBytes = new Uint8Array(0);
const nothing: never[] = Object.freeze([]) as unknown as never[];
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Field tag; wire type 2 (length-delimited) unless told. */
const tag = (field: number, wire = 2): number => field * 8 + wire;

/** The list with one more item; the shared empty list is left alone. */
function append<T>(list: T[], item: T): T[] {
  if (list === nothing) return [item];
  list.push(item);
  return list;
}

export class GraphDecoder {
  private readonly recursionLimit: number;
  /** strings met before, by a hash of their bytes */
  private readonly texts: (string | undefined)[];
  private bytes: Uint8Array = noBytes;
  private reader = new BinaryReader(noBytes);

  /** `fileBytes` sets how many strings are remembered. */
  constructor(recursionLimit: number, fileBytes: number) {
    this.recursionLimit = recursionLimit;
    const slots = 2 ** Math.min(14, Math.ceil(Math.log2(fileBytes / 32 + 16)));
    this.texts = new Array<string | undefined>(slots).fill(undefined);
  }

  /** Adds the records of a GraphProto in `bytes` to `graph`. Throws plain errors on bytes that are no such records. */
  merge(graph: GraphProto, bytes: Uint8Array): void {
    this.bytes = bytes;
    const reader = (this.reader = new BinaryReader(bytes));
    while (reader.pos < reader.len) {
      const start = reader.pos;
      switch (reader.uint32()) {
        case tag(1):
          graph.node.push(this.node(this.end(reader.len)));
          break;
        case tag(5):
          graph.initializer.push(this.tensor(this.end(reader.len)));
          break;
        default: {
          reader.pos = start;
          const [field, wire] = reader.tag();
          reader.skip(wire, field);
          mergeFromBinary(GraphProtoSchema, graph, bytes.subarray(start, reader.pos), { recursionLimit: this.recursionLimit });
        }
      }
    }
  }

  private node(end: number): NodeProto {
    const { reader } = this;
    const start = reader.pos;
    let input: string[] = nothing;
    let output: string[] = nothing;
    let attribute: AttributeProto[] = nothing;
    let name = "";
    let opType = "";
    let domain = "";
    let docString = "";
    while (reader.pos < end) {
      switch (reader.uint32()) {
        case tag(1):
          input = append(input, this.text(end));
          break;
        case tag(2):
          output = append(output, this.text(end));
          break;
        case tag(3):
          name = this.text(end);
          break;
        case tag(4):
          opType = this.text(end);
          break;
        case tag(5):
          attribute = append(attribute, this.attribute(this.end(end)));
          break;
        case tag(6):
          docString = this.text(end);
          break;
        case tag(7):
          domain = this.text(end);
          break;
        default:
          reader.pos = end;
          return fromBinary(NodeProtoSchema, this.bytes.subarray(start, end), { recursionLimit: this.recursionLimit });
      }
    }
    this.check(end);
    return {
      $typeName: "onnx.NodeProto",
      input,
      output,
      name,
      opType,
      attribute,
      docString,
      domain,
      overload: "",
      metadataProps: nothing,
      deviceConfigurations: nothing,
    };
  }

  private attribute(end: number): AttributeProto {
    const { reader } = this;
    const start = reader.pos;
    let name = "";
    let type: AttributeType = AttributeType.UNDEFINED;
    let f = 0;
    let i = 0n;
    let s: Uint8Array = noBytes;
    let t: TensorProto | undefined;
    let floats: number[] = nothing;
    let ints: bigint[] = nothing;
    let strings: Uint8Array[] = nothing;
    let plain = true;
    while (plain && reader.pos < end) {
      switch (reader.uint32()) {
        case tag(1):
          name = this.text(end);
          break;
        case tag(2, 5):
          f = reader.float();
          break;
        case tag(3, 0):
          i = reader.int64() as bigint;
          break;
        case tag(4):
          s = reader.bytes();
          break;
        case tag(5):
          plain = t === undefined;
          t = this.tensor(this.end(end));
          break;
        case tag(7, 5):
          floats = append(floats, reader.float());
          break;
        case tag(8, 0):
          ints = append(ints, reader.int64() as bigint);
          break;
        case tag(9):
          strings = append(strings, reader.bytes());
          break;
        case tag(20, 0):
          type = reader.int32() as AttributeType;
          break;
        default:
          plain = false;
      }
    }
    // Without a type it matters which field was set: the library's message knows.
    if (!plain || type === AttributeType.UNDEFINED) {
      reader.pos = end;
      return fromBinary(AttributeProtoSchema, this.bytes.subarray(start, end), { recursionLimit: this.recursionLimit });
    }
    this.check(end);
    return {
      $typeName: "onnx.AttributeProto",
      name,
      refAttrName: "",
      docString: "",
      type,
      f,
      i,
      s,
      floats,
      ints,
      strings,
      tensors: nothing,
      graphs: nothing,
      typeProtos: nothing,
      sparseTensors: nothing,
      ...(t ? { t } : {}),
    };
  }

  private tensor(end: number): TensorProto {
    const { reader } = this;
    const start = reader.pos;
    let dims: bigint[] = nothing;
    let dataType = 0;
    let name = "";
    let rawData: Uint8Array = noBytes;
    while (reader.pos < end) {
      switch (reader.uint32()) {
        case tag(1, 0):
          dims = append(dims, reader.int64() as bigint);
          break;
        case tag(2, 0):
          dataType = reader.int32();
          break;
        case tag(8):
          name = this.text(end);
          break;
        case tag(9):
          rawData = reader.bytes();
          break;
        default:
          reader.pos = end;
          return fromBinary(TensorProtoSchema, this.bytes.subarray(start, end), { recursionLimit: this.recursionLimit });
      }
    }
    this.check(end);
    return {
      $typeName: "onnx.TensorProto",
      dims,
      dataType,
      name,
      rawData,
      docString: "",
      dataLocation: 0,
      floatData: nothing,
      int32Data: nothing,
      stringData: nothing,
      int64Data: nothing,
      doubleData: nothing,
      uint64Data: nothing,
      externalData: nothing,
      metadataProps: nothing,
    };
  }

  /** Reads a length and gives where what it measures ends. */
  private end(limit: number): number {
    const length = this.reader.uint32();
    const end = this.reader.pos + length;
    if (end > limit) throw new RangeError(`a length of ${length} goes beyond its message`);
    return end;
  }

  private check(end: number): void {
    if (this.reader.pos !== end) throw new RangeError("a field goes beyond its message");
  }

  private text(limit: number): string {
    const end = this.end(limit);
    const { bytes, reader } = this;
    const start = reader.pos;
    reader.pos = end;
    const length = end - start;
    if (length === 0) return "";
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & (this.texts.length - 1);
    const known = this.texts[slot];
    if (known !== undefined && known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === bytes[start + i] && (bytes[start + i] as number) < 0x80) i++;
      if (i === length) return known;
    }
    const text = utf8.decode(bytes.subarray(start, end));
    this.texts[slot] = text;
    return text;
  }
}
