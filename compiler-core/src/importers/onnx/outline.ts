/**
 * The shape of an ONNX model's graph without the rest: which nodes, with which operators and names, are joined how. Read in one
 * walk over the wire format that makes no object and no string for a node, so that a picture can be on the screen while
 * the model is still being imported: 50,000 nodes take some ten milliseconds. Attributes, types of inner values, bodies of nodes and
 * functions are passed over. For damaged files it throws; the importer says what is wrong with them.
 */
import type { BlobSource } from "../../support/blob.ts";

export interface Outline {
  /** string i is text.slice(ends[i - 1], ends[i]); 0 is "" */
  readonly text: string;
  readonly ends: Uint32Array;
  /** columns below hold numbers of strings */
  readonly ops: Uint32Array;
  readonly domains: Uint32Array;
  readonly names: Uint32Array;
  readonly inputStart: Uint32Array;
  readonly inputs: Uint32Array;
  readonly outputStart: Uint32Array;
  readonly outputs: Uint32Array;
  readonly graphInputs: readonly OutlineValue[];
  readonly graphOutputs: readonly OutlineValue[];
  readonly initializers: Uint32Array;
}

export interface OutlineValue {
  readonly name: number;
  /** "float32[1, 3, H, W]", "" when it is not a tensor of known rank */
  readonly type: string;
}

const elementNames = ["", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"];

/** Bytes read at once. */
const chunkBytes = 1 << 20;

/** The file's bytes through a window that moves forward. */
class Reader {
  readonly source: BlobSource;
  bytes: Uint8Array = new Uint8Array(0);
  /** file offset of bytes[0] */
  start = 0;
  /** place in `bytes` */
  at = 0;

  constructor(source: BlobSource) {
    this.source = source;
  }

  get offset(): number {
    return this.start + this.at;
  }

  /** Makes the next `length` bytes available, or what is left of the file. */
  ensure(length: number): void {
    if (this.at >= 0 && this.at + length <= this.bytes.length) return;
    const offset = this.offset;
    const wanted = Math.min(Math.max(length, chunkBytes), this.source.size - offset);
    this.bytes = this.source.read(offset, Math.max(0, wanted));
    this.start = offset;
    this.at = 0;
  }

  /** A varint; values beyond 2^53 are not exact, which no length or tag is. Past the end of the bytes it is damage. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new RangeError("damaged");
  }

  /** Passes over a field whose tag has been read. */
  skip(wire: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.at += 8;
    else if (wire === 2) {
      const length = this.varint();
      this.at += length;
    } else if (wire === 5) this.at += 4;
    else throw new RangeError("damaged");
  }
}

/** Numbers for strings of bytes. */
class ByteStrings {
  bytes = new Uint8Array(1 << 16);
  ends = new Uint32Array(1 << 12);
  count = 1;
  #used = 0;
  #slots = new Int32Array(1 << 13);

  intern(source: Uint8Array, from: number, to: number): number {
    if (to <= from) return 0;
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let number = this.#slots[slot]!; number !== 0; number = this.#slots[slot]!) {
      if (this.#equals(number, source, from, to)) return number;
      slot = (slot + 1) & mask;
    }
    const length = to - from;
    if (this.#used + length > this.bytes.length) this.bytes = grown(this.bytes, Math.max(2 * this.bytes.length, this.#used + length));
    if (this.count === this.ends.length) this.ends = grown(this.ends, 2 * this.ends.length);
    this.bytes.set(source.subarray(from, to), this.#used);
    this.#used += length;
    this.ends[this.count] = this.#used;
    this.#slots[slot] = this.count;
    if (2 * ++this.count > this.#slots.length) this.#rehash();
    return this.count - 1;
  }

  #equals(number: number, source: Uint8Array, from: number, to: number): boolean {
    const start = this.ends[number - 1]!;
    if (this.ends[number]! - start !== to - from) return false;
    for (let i = 0; i < to - from; i++) if (this.bytes[start + i] !== source[from + i]) return false;
    return true;
  }

  #rehash(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let number = 1; number < this.count; number++) {
      let hash = 0x811c9dc5;
      for (let i = this.ends[number - 1]!; i < this.ends[number]!; i++) hash = Math.imul(hash ^ this.bytes[i]!, 0x01000193);
      hash ^= hash >>> 15;
      let slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.#slots = slots;
  }

  column(decode: (bytes: Uint8Array) => string): { text: string; ends: Uint32Array } {
    const text = decode(this.bytes.subarray(0, this.#used));
    const ends = this.ends.slice(0, this.count);
    if (text.length === this.#used) return { text, ends };
    // Not all of it is ASCII: places in the text are not places in the bytes.
    const parts: string[] = [];
    const places = new Uint32Array(this.count);
    let at = 0;
    for (let i = 1; i < this.count; i++) {
      const part = decode(this.bytes.subarray(ends[i - 1]!, ends[i]!));
      parts.push(part);
      places[i] = at += part.length;
    }
    return { text: parts.join(""), ends: places };
  }
}

function grown<T extends Uint8Array | Uint32Array>(array: T, length: number): T {
  const bigger = new (array.constructor as new (length: number) => T)(length);
  bigger.set(array);
  return bigger;
}

class Numbers {
  array = new Uint32Array(1 << 12);
  length = 0;
  push(value: number): void {
    if (this.length === this.array.length) this.array = grown(this.array, 2 * this.array.length);
    this.array[this.length++] = value;
  }
  done(): Uint32Array {
    return this.array.slice(0, this.length);
  }
}

/** @throws {Error} when the bytes are not a model's; check() may throw to stop. */
export function outlineOnnx(source: BlobSource, check: () => void = () => undefined): Outline {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const decode = (bytes: Uint8Array): string => decoder.decode(bytes);
  const reader = new Reader(source);
  const strings = new ByteStrings();
  const [ops, domains, names, inputStart, inputs, outputStart, outputs, initializers] = Array.from({ length: 8 }, () => new Numbers()) as [Numbers, Numbers, Numbers, Numbers, Numbers, Numbers, Numbers, Numbers];
  const graphInputs: OutlineValue[] = [];
  const graphOutputs: OutlineValue[] = [];
  inputStart.push(0);
  outputStart.push(0);
  let nodes = 0;
  const intern = (length: number): number => {
    const number = strings.intern(reader.bytes, reader.at, reader.at + length);
    reader.at += length;
    return number;
  };
  const header = 20;
  /** Visits the fields of a message of any length; `visit` reads the field's body or leaves it. */
  const fields = (end: number, visit: (number: number, wire: number, length: number) => boolean): void => {
    while (reader.offset < end) {
      reader.ensure(header);
      const tag = reader.varint();
      const wire = tag % 8;
      if (wire !== 2) {
        reader.skip(wire);
        continue;
      }
      const length = reader.varint();
      const next = reader.offset + length;
      if (next > end) throw new RangeError("damaged");
      if (visit(Math.floor(tag / 8), wire, length) || reader.offset !== next) reader.at = next - reader.start;
    }
  };

  const readNode = (end: number): void => {
    if (++nodes % 4096 === 0) check();
    let [op, domain, name] = [0, 0, 0];
    fields(end, (field, _, length) => {
      if (field === 5 || field > 7 || length > chunkBytes) return true;
      reader.ensure(length);
      if (field === 1) inputs.push(intern(length));
      else if (field === 2) outputs.push(intern(length));
      else if (field === 3) name = intern(length);
      else if (field === 4) op = intern(length);
      else if (field === 7) domain = intern(length);
      return false;
    });
    ops.push(op);
    domains.push(domain);
    names.push(name);
    inputStart.push(inputs.length);
    outputStart.push(outputs.length);
  };

  const readTensor = (end: number): void => {
    fields(end, (field, _, length) => {
      if (field !== 8 || length > chunkBytes) return true;
      reader.ensure(length);
      initializers.push(intern(length));
      return false;
    });
  };

  const text = (length: number): string => {
    reader.ensure(length);
    const value = decode(reader.bytes.subarray(reader.at, reader.at + length));
    reader.at += length;
    return value;
  };
  /** ValueInfoProto: name, and of its type element and shape. */
  const readValue = (end: number): OutlineValue => {
    let name = 0;
    let type = "";
    fields(end, (field, _, length) => {
      if (length > chunkBytes) return true;
      reader.ensure(length);
      if (field === 1) name = intern(length);
      else if (field === 2) type = readType(reader.offset + length);
      else return true;
      return false;
    });
    return { name, type };
  };
  const readType = (end: number): string => {
    let found = "";
    fields(end, (field, _, length) => {
      if (field !== 1) return true;
      const tensorEnd = reader.offset + length;
      let element = 0;
      let dims: string[] | undefined;
      while (reader.offset < tensorEnd) {
        const tag = reader.varint();
        if (tag === 8) element = reader.varint();
        else if (tag === 0x12) {
          const list: string[] = (dims = []);
          const shapeEnd = reader.varint() + reader.offset;
          fields(shapeEnd, (dimField, __, dimLength) => {
            if (dimField !== 1) return true;
            const dimEnd = reader.offset + dimLength;
            let dim = "?";
            while (reader.offset < dimEnd) {
              const dimTag = reader.varint();
              if (dimTag === 8) dim = String(reader.varint());
              else if (dimTag === 0x12) dim = text(reader.varint());
              else reader.skip(dimTag % 8);
            }
            list.push(dim);
            return false;
          });
        } else reader.skip(tag % 8);
      }
      const name = elementNames[element] ?? "";
      if (name !== "" && dims) found = `${name}[${dims.join(", ")}]`;
      return false;
    });
    return found;
  };

  const readGraph = (end: number): void =>
    fields(end, (field, _, length) => {
      const next = reader.offset + length;
      if (field === 1) readNode(next);
      else if (field === 5) readTensor(next);
      else if (field === 11) graphInputs.push(readValue(next));
      else if (field === 12) graphOutputs.push(readValue(next));
      else return true;
      return false;
    });
  fields(source.size, (field, _, length) => {
    if (field !== 7) return true;
    readGraph(reader.offset + length);
    return false;
  });
  return {
    ...strings.column(decode),
    ops: ops.done(),
    domains: domains.done(),
    names: names.done(),
    inputStart: inputStart.done(),
    inputs: inputs.done(),
    outputStart: outputStart.done(),
    outputs: outputs.done(),
    graphInputs,
    graphOutputs,
    initializers: initializers.done(),
  };
}
