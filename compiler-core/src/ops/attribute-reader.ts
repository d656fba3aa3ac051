import type { Attribute } from "../ir/attribute.ts";
import { describeNode, type OperatorNode } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { AttributeReader, OperatorDefinition } from "./definition.ts";

type Kind = Attribute["kind"];
type OfKind<K extends Kind> = Extract<Attribute, { kind: K }>;

/**
 * Reads a node's attributes with the schema's defaults. Floats are rounded to float32, as the model file stores them.
 * Throws "attribute-kind" for a value of the wrong kind and "missing-attribute" for one that has no default.
 */
export function attributeReader(node: OperatorNode, definition: OperatorDefinition | undefined): AttributeReader {
  const where = { node: describeNode(node) };
  const fallbackOf = (name: string): unknown => definition?.attributes?.[name]?.fallback;

  function find<K extends Kind>(name: string, kind: K): OfKind<K> | undefined {
    const attribute = Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
    if (attribute === undefined || attribute.kind === kind) return attribute as OfKind<K> | undefined;
    if (attribute.kind === "ref")
      throw new GraphwrightError("unbound-attribute", `the attribute "${name}" stands for "${attribute.of}" of the enclosing function, which is known only at a call.`, where);
    throw new GraphwrightError("attribute-kind", `the attribute "${name}" must be of kind ${kind}, but is ${attribute.kind}.`, where);
  }
  function required<T>(name: string, value: T | undefined): T {
    if (value !== undefined) return value;
    throw new GraphwrightError("missing-attribute", `the attribute "${name}" is required.`, where);
  }
  const optionalInt = (name: string): number | undefined => {
    const attribute = find(name, "int");
    if (attribute) return Number(attribute.value);
    const fallback = fallbackOf(name);
    return fallback === undefined ? undefined : Number(fallback);
  };
  const optionalFloat = (name: string): number | undefined => {
    const attribute = find(name, "float");
    if (attribute) return Math.fround(attribute.value);
    const fallback = fallbackOf(name);
    return fallback === undefined ? undefined : Math.fround(fallback as number);
  };
  const list = <T>(name: string): T[] | undefined => {
    const fallback = fallbackOf(name);
    return Array.isArray(fallback) ? [...(fallback as T[])] : undefined;
  };
  return {
    has: (name) => Object.hasOwn(node.attributes, name),
    int: (name, fallback) => required(name, optionalInt(name) ?? fallback),
    optionalInt,
    float: (name, fallback) => required(name, optionalFloat(name) ?? (fallback === undefined ? undefined : Math.fround(fallback))),
    optionalFloat,
    string: (name, fallback) => required(name, find(name, "string")?.value ?? (fallbackOf(name) as string | undefined) ?? fallback),
    ints: (name) => find(name, "ints")?.value.map(Number) ?? list<number>(name),
    floats: (name) => find(name, "floats")?.value.map(Math.fround) ?? list<number>(name)?.map(Math.fround),
    strings: (name) => find(name, "strings")?.value ?? list<string>(name),
    tensor: (name): Tensor | undefined => find(name, "tensor")?.value,
    raw: (name) => (Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined),
  };
}
