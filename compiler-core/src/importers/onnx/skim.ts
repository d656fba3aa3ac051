import { create, type DescField, type DescMessage, mergeFromBinary, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { BlobRef, BlobSource } from "../../support/blob.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TrainingInfoProtoSchema,
} from "./onnx_pb.ts";
import { GraphDecoder } from "./graph-decoder.ts";
import { Window } from "./window.ts";

/** Tensor data of at least this many bytes stays in the file. */
const lazyBytes = 1024;
/** Messages smaller than this hold no lazy tensor: the library decodes runs of them at once. */
const walkBytes = lazyBytes;
/** A run of small messages is decoded in pieces of about this size, some ten milliseconds, with a look between at whether it is still wanted. */
const runBytes = 512 * 1024;
/** No string, attribute or table of an ONNX file is near this size; larger ones are damage. */
const largestField = 512 * 1024 * 1024;
/** Graphs within graphs; each level takes three messages. */
const deepestMessage = 300;

/** Data that was left in the file, by the tensor it belongs to. `field` is the TensorProto field it stands in. */
export interface LazyData {
  readonly blob: BlobRef;
  readonly field: "raw_data" | "float_data" | "double_data";
}

export interface Skimmed<T> {
  readonly message: T;
  readonly lazy: ReadonlyMap<TensorProto, LazyData>;
}

/** Messages that can hold a tensor at some depth: these are walked, all others are decoded whole. */
const walked = new Set<DescMessage>([
  ModelProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  AttributeProtoSchema,
  TensorProtoSchema,
  SparseTensorProtoSchema,
  FunctionProtoSchema,
  TrainingInfoProtoSchema,
]);

/** Fields of TensorProto whose bytes are exactly the little-endian elements. */
const rawFields = new Map<number, LazyData["field"]>([
  [9, "raw_data"],
  [4, "float_data"],
  [10, "double_data"],
]);

const fieldTables = new Map<DescMessage, Map<number, DescField>>();

function fieldsOf(schema: DescMessage): Map<number, DescField> {
  let table = fieldTables.get(schema);
  if (!table) {
    table = new Map(schema.fields.map((field) => [field.number, field]));
    fieldTables.set(schema, table);
  }
  return table;
}

/**
 * Reads a model's structure and leaves large tensor data where it is: the wire format is walked down to the tensors,
 * everything small is decoded by the protobuf library. Whatever a length says is checked against what is there.
 * Throws GraphwrightError "truncated-file" and "damaged-file" with file, offset and field.
 */
export const skimModel = (source: BlobSource, check: () => void = () => undefined): Skimmed<ModelProto> => skim(ModelProtoSchema, source, check);

/** The same for any message of the format. `check` may throw to stop. */
export function skim<T extends Message>(schema: GenMessage<T>, source: BlobSource, check: () => void = () => undefined): Skimmed<T> {
  const window = new Window(source);
  const decoder = new GraphDecoder(deepestMessage, source.size);
  const lazy = new Map<TensorProto, LazyData>();

  /** Decodes the records in [from, to), all of them small, into `target`. */
  const merge = (target: Message, type: DescMessage, from: number, to: number, path: string): void => {
    if (to === from) return;
    const bytes = window.range(from, to);
    decoded(from, () => path, () => {
      if (type === GraphProtoSchema) decoder.merge(target as GraphProto, bytes);
      else mergeFromBinary(type, target, bytes, { recursionLimit: deepestMessage });
    });
  };

  /** What the library throws becomes an error with its place. */
  const decoded = <R>(from: number, path: () => string, decode: () => R): R => {
    try {
      return decode();
    } catch (error) {
      const message = `the bytes are not what this field holds (${(error as Error).message}).`;
      throw new GraphwrightError("damaged-file", message, { file: source.name, offset: from, field: path() }, "The file is damaged: fetch or export it again.");
    }
  };

  const walk = (target: Message, type: DescMessage, end: number, path: string, depth: number): void => {
    if (depth > deepestMessage) throw at(window.damaged("damaged-file", `messages are nested more than ${deepestMessage} deep.`), path);
    const fields = fieldsOf(type);
    /** entries so far, by field number */
    const counts: Record<number, number> = {};
    let runStart = window.at;
    const flush = (to: number): void => {
      check();
      const resume = window.at;
      merge(target, type, runStart, to, path);
      window.at = resume;
    };
    while (window.at < end) {
      const start = window.at;
      if (start - runStart >= runBytes) {
        flush(start);
        runStart = start;
      }
      const tag = window.varint(end);
      const number = Math.floor(tag / 8);
      const wire = tag % 8;
      const field = fields.get(number);
      if (number < 1 || number > 0x1fffffff || !(wire <= 2 || wire === 5)) {
        window.at = start;
        throw at(window.damaged("damaged-file", `this is no field of ${type.name} (tag ${tag}).`), path);
      }
      if (wire === 0) window.varint(end);
      else if (wire === 1) window.at += 8;
      else if (wire === 5) window.at += 4;
      else {
        const length = window.varint(end);
        const body = window.at;
        const index = counts[number] ?? 0;
        counts[number] = index + 1;
        const here = (): string => pathOf(path, field, index);
        if (!(body + length <= end)) {
          window.at = start;
          throw at(window.damaged("truncated-file", `${field ? field.name : `field ${number}`} says it is ${length} bytes long, but ${end - body} are left.`), here());
        }
        const next = body + length;
        const raw = type === TensorProtoSchema ? rawFields.get(number) : undefined;
        if (raw !== undefined && length >= lazyBytes) {
          flush(start);
          if (lazy.has(target as TensorProto)) throw at(window.damaged("damaged-file", "the tensor's data is given twice."), here());
          lazy.set(target as TensorProto, { blob: { source, offset: body, length }, field: raw });
          runStart = next;
        } else if (field?.message && walked.has(field.message) && length >= walkBytes) {
          flush(start);
          const child = create(field.message);
          walk(child, field.message, next, here(), depth + 1);
          const slots = target as unknown as Record<string, unknown>;
          if (field.fieldKind === "list") (slots[field.localName] as unknown[]).push(child);
          else if (slots[field.localName] === undefined) slots[field.localName] = child;
          else throw at(window.damaged("damaged-file", `${field.name} is given twice.`), here());
          runStart = next;
        } else if (length > largestField) {
          window.at = start;
          throw at(window.damaged("damaged-file", `${field ? field.name : `field ${number}`} is ${length} bytes long, more than any such field is.`), here());
        }
        window.at = next;
      }
      if (window.at > end) {
        window.at = start;
        throw at(window.damaged("truncated-file", "the data ends in the middle of a field."), path);
      }
    }
    flush(end);
  };

  const message = create(schema);
  walk(message, schema, source.size, "", 0);
  return { message: message as T, lazy };
}

const at = (error: GraphwrightError, path: string): GraphwrightError => (path === "" ? error : error.at({ field: path }));

function pathOf(path: string, field: DescField | undefined, index: number): string {
  if (!field) return path;
  return (path === "" ? "" : `${path}.`) + field.name + (field.fieldKind === "list" ? `[${index}]` : "");
}
