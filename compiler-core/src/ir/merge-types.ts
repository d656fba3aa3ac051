import { type Dim, dimsDiffer } from "./dim.ts";
import { sequenceType, optionalType, mapType, sparseType, tensorType, type ValueType } from "./value-type.ts";

const mergeDim = (inferred: Dim, known: Dim): Dim => {
  if (inferred === null) return known;
  if (known === null || typeof inferred === "number") return inferred;
  return typeof known === "number" ? known : inferred;
};

/**
 * The more exact of two statements about one value: `inferred` wins where both say something, `known` fills in what
 * inference leaves open.
 */
export function mergeTypes(inferred: ValueType, known: ValueType): ValueType {
  if (inferred === known || known.kind === "unknown") return inferred;
  if (inferred.kind === "unknown") return known;
  if (inferred.kind !== known.kind) return inferred;
  switch (inferred.kind) {
    case "tensor":
    case "sparse": {
      const other = known as typeof inferred;
      const make = inferred.kind === "tensor" ? tensorType : sparseType;
      if (inferred.shape === null) return make(inferred.element ?? other.element, other.shape);
      if (other.shape === null || other.shape.length !== inferred.shape.length) return make(inferred.element ?? other.element, inferred.shape);
      const dims = other.shape;
      return make(inferred.element ?? other.element, inferred.shape.map((d, i) => mergeDim(d, dims[i] as Dim)));
    }
    case "sequence":
      return sequenceType(mergeTypes(inferred.of, (known as typeof inferred).of));
    case "optional":
      return optionalType(mergeTypes(inferred.of, (known as typeof inferred).of));
    case "map":
      return mapType(inferred.key, mergeTypes(inferred.value, (known as typeof inferred).value));
  }
}

/** A sentence on why two types cannot both hold, or undefined when they can. */
export function contradiction(a: ValueType, b: ValueType): string | undefined {
  if (a === b || a.kind === "unknown" || b.kind === "unknown") return undefined;
  if (a.kind !== b.kind) return `${a.text} is not ${b.text}`;
  if ((a.kind === "tensor" || a.kind === "sparse") && b.kind === a.kind) {
    if (a.element !== null && b.element !== null && a.element !== b.element) return `element type ${a.element} is not ${b.element}`;
    if (a.shape === null || b.shape === null) return undefined;
    if (a.shape.length !== b.shape.length) return `rank ${a.shape.length} (${a.text}) is not rank ${b.shape.length} (${b.text})`;
    const dims = b.shape;
    const at = a.shape.findIndex((d, i) => dimsDiffer(d, dims[i] as Dim));
    return at < 0 ? undefined : `dimension ${at} is ${a.shape[at]} in ${a.text} and ${dims[at]} in ${b.text}`;
  }
  if ((a.kind === "sequence" || a.kind === "optional") && b.kind === a.kind) return contradiction(a.of, b.of);
  return undefined;
}
