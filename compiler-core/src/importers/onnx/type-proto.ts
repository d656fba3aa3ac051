import { create } from "@bufbuild/protobuf";
import { type Dim, parseDim, symbol, SymbolicDim } from "../../ir/dim.ts";
import { mapType, optionalType, sequenceType, sparseType, tensorType, unknownType, type Shape, type ValueType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { dataTypeOf, elementTypeOf, requireElementType } from "./element-types.ts";
import { type TensorShapeProto, TensorShapeProtoSchema, type TypeProto, TypeProtoSchema } from "./onnx_pb.ts";

/** Types nested deeper than this are damage. */
const deepest = 32;

/** The type that a TypeProto says. Opaque and missing types are unknown. */
export function readType(proto: TypeProto | undefined, depth = 0): ValueType {
  if (depth > deepest) throw new GraphwrightError("damaged-file", `a type is nested more than ${deepest} deep.`);
  const value = proto?.value;
  switch (value?.case) {
    case "tensorType":
      return tensorType(elementTypeOf(value.value.elemType) ?? null, readShape(value.value.shape));
    case "sparseTensorType":
      return sparseType(elementTypeOf(value.value.elemType) ?? null, readShape(value.value.shape));
    case "sequenceType":
      return sequenceType(readType(value.value.elemType, depth + 1));
    case "optionalType":
      return optionalType(readType(value.value.elemType, depth + 1));
    case "mapType":
      return mapType(requireElementType(value.value.keyType), readType(value.value.valueType, depth + 1));
    default:
      return unknownType;
  }
}

const readShape = (proto: TensorShapeProto | undefined): Shape => (proto ? proto.dim.map(readDim) : null);

function readDim(dim: TensorShapeProto["dim"][number]): Dim {
  switch (dim.value.case) {
    case "dimValue": {
      const size = Number(dim.value.value);
      // Some exporters write -1 for a size that they do not know.
      return size >= 0 && Number.isSafeInteger(size) ? size : null;
    }
    case "dimParam":
      return dim.value.value === "" ? null : readSymbol(dim.value.value);
    default:
      return null;
  }
}

const symbols = new Map<string, Dim>();

/** An expression where the text is exactly how we write one, else one symbol of that name. */
function readSymbol(text: string): Dim {
  let dim = symbols.get(text);
  if (dim !== undefined) return dim;
  dim = symbol(text);
  // The text form of an expression has no product of sums, which would take long to expand.
  if (text.length <= 256 && /[-*+(]/.test(text) && !/\*\s*\(/.test(text)) {
    try {
      const parsed = parseDim(text);
      if (parsed instanceof SymbolicDim && parsed.text === text) dim = parsed;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  if (symbols.size > 10_000) symbols.clear();
  symbols.set(text, dim);
  return dim;
}

/** The name or expression as dim_param has it; undoes `readSymbol`. */
function symbolText(dim: SymbolicDim): string {
  return /^"(?:[^"\\]|\\.)*"$/.test(dim.text) ? (JSON.parse(dim.text) as string) : dim.text;
}

function writeShape(shape: Shape): TensorShapeProto | undefined {
  if (shape === null) return undefined;
  return create(TensorShapeProtoSchema, {
    dim: shape.map((dim) => {
      if (dim === null) return {};
      if (typeof dim === "number") return { value: { case: "dimValue" as const, value: BigInt(dim) } };
      return { value: { case: "dimParam" as const, value: symbolText(dim) } };
    }),
  });
}

/** The TypeProto of a type; undefined where nothing is known. */
export function writeType(type: ValueType): TypeProto | undefined {
  switch (type.kind) {
    case "unknown":
      return undefined;
    case "tensor":
    case "sparse": {
      const shape = writeShape(type.shape);
      const value = { elemType: type.element === null ? 0 : dataTypeOf(type.element), ...(shape ? { shape } : {}) };
      return create(TypeProtoSchema, { value: type.kind === "tensor" ? { case: "tensorType", value } : { case: "sparseTensorType", value } });
    }
    case "sequence":
    case "optional": {
      const elemType = writeType(type.of);
      const value = elemType ? { elemType } : {};
      return create(TypeProtoSchema, { value: type.kind === "sequence" ? { case: "sequenceType", value } : { case: "optionalType", value } });
    }
    case "map": {
      const valueType = writeType(type.value);
      return create(TypeProtoSchema, { value: { case: "mapType", value: { keyType: dataTypeOf(type.key), ...(valueType ? { valueType } : {}) } } });
    }
  }
}
