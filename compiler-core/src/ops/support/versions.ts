import type { Attribute } from "../../ir/attribute.ts";
import type { ElementType } from "../../ir/element-type.ts";
import type { ValueRef } from "../../ir/graph.ts";
import { fromNumbers, makeTensor, type Tensor, toNumbers, type BigArray } from "../../ir/tensor.ts";
import { elementOf, shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { ConversionContext, OperatorVersion, RawNode } from "../definition.ts";

/** The two conversions of a version. */
export type VersionSteps = Pick<OperatorVersion, "upgrade" | "downgrade">;

/** Several steps one after another; downgrades run in the opposite order. */
export const steps = (...list: readonly VersionSteps[]): VersionSteps => ({
  upgrade: (node, context) => {
    for (const step of list) step.upgrade?.(node, context);
  },
  downgrade: (node, context) => {
    for (const step of [...list].reverse()) {
      const reason = step.downgrade?.(node, context);
      if (reason !== undefined) return reason;
    }
    return undefined;
  },
});

/** Attributes that the next version no longer has and that change nothing. */
export const dropsAttributes = (...names: readonly string[]): VersionSteps => ({
  upgrade: (node) => {
    for (const name of names) delete node.attributes[name];
  },
});

/** An attribute that the next version adds: this version can only hold its default. */
export const lacksAttribute = (name: string, fallback: number | string | readonly number[] | undefined): VersionSteps => ({
  downgrade: (node) => {
    const attribute = node.attributes[name];
    if (!attribute) return undefined;
    const value = "value" in attribute ? attribute.value : undefined;
    const plain = Array.isArray(value) ? value.map(Number).join() : typeof value === "bigint" ? Number(value) : value;
    if (plain !== (Array.isArray(fallback) ? fallback.join() : fallback)) return `its attribute ${name} needs a newer version`;
    delete node.attributes[name];
    return undefined;
  },
});

/** An optional input that the next version adds. */
export const lacksInput = (index: number, name: string): VersionSteps => ({
  downgrade: (node) => {
    if (node.inputs[index]) return `its input ${name} needs a newer version`;
    node.inputs.length = Math.min(node.inputs.length, index);
    return undefined;
  },
});

/** Extra outputs that the next version adds. */
export const lacksOutputs = (count: number): VersionSteps => ({
  downgrade: (node) => (node.outputs.slice(count).some((name) => name !== "") ? `it has more than ${count} outputs` : undefined),
});

/** Sets an input, filling omitted ones before it. */
export function setInput(node: RawNode, index: number, ref: ValueRef | null): void {
  while (node.inputs.length <= index) node.inputs.push(null);
  node.inputs[index] = ref;
}

function trimInputs(node: RawNode): void {
  while (node.inputs.length > 0 && node.inputs.at(-1) === null) node.inputs.pop();
}

const outputName = (node: RawNode): string => node.outputs.find((name) => name !== "") ?? node.op;

interface BecomesInput {
  readonly name: string;
  readonly index: number;
  /** what the input is made of; "like" takes the element type of input 0 */
  readonly element: ElementType | "like";
  /** the attribute is a list, and the input a vector; else a scalar */
  readonly list: boolean;
  /** the value that an absent attribute stands for, when the newer input has none of its own */
  readonly absent?: number;
}

/** An attribute that the next version takes as an input. */
function attributeBecomesInput({ name, index, element, list, absent }: BecomesInput): VersionSteps {
  return {
    upgrade: (node, context) => {
      const attribute = node.attributes[name];
      delete node.attributes[name];
      if (attribute === undefined && absent === undefined) return;
      if (attribute?.kind === "ref")
        throw new GraphwrightError("version-semantics", `${node.op}: the attribute ${name} comes from the enclosing function, but the newer form takes it as an input.`);
      const value = attribute === undefined ? absent : (attribute as { value: unknown }).value;
      const numbers = Array.isArray(value) ? (value as (number | bigint)[]) : [value as number | bigint];
      const type = element === "like" ? (elementOf(context.type(node.inputs[0])) ?? "float32") : element;
      const tensor = type === "int64" ? makeTensor("int64", list ? [numbers.length] : [], BigInt64Array.from(numbers, BigInt)) : fromNumbers(type, list ? [numbers.length] : [], numbers.map(Number));
      setInput(node, index, context.addConstant(tensor, `${outputName(node)}_${name}`));
    },
    downgrade: (node, context) => {
      const ref = node.inputs[index];
      if (ref) {
        const tensor = context.constant(ref);
        if (!tensor) return `its input ${name} is computed, and the older version takes a constant`;
        node.attributes[name] = toAttribute(tensor, list);
        node.inputs[index] = null;
      }
      node.inputs.length = Math.min(node.inputs.length, node.inputs[index + 1] ? node.inputs.length : index);
      trimInputs(node);
      return undefined;
    },
  };
}

function toAttribute(tensor: Tensor, list: boolean): Attribute {
  if (tensor.element === "int64") {
    const values = Array.from(tensor.data as BigArray, (v) => (Number.isSafeInteger(Number(v)) ? Number(v) : v));
    return list ? { kind: "ints", value: values } : { kind: "int", value: values[0]! };
  }
  const values = Array.from(toNumbers(tensor));
  const whole = tensor.element.startsWith("int");
  if (whole) return list ? { kind: "ints", value: values } : { kind: "int", value: values[0]! };
  return list ? { kind: "floats", value: values } : { kind: "float", value: values[0]! };
}

/** A list of integers (axes, pads, shape, ...) that the next version takes as an int64 vector at input `index`. */
export const intsBecomeInput = (name: string, index: number): VersionSteps => attributeBecomesInput({ name, index, element: "int64", list: true });
/** One integer that becomes a scalar int64 input. */
export const intBecomesInput = (name: string, index: number, absent?: number): VersionSteps =>
  attributeBecomesInput({ name, index, element: "int64", list: false, ...(absent === undefined ? {} : { absent }) });
/** One number that becomes a scalar input of the type of input 0. */
export const floatBecomesInput = (name: string, index: number, element: ElementType | "like" = "like", absent?: number): VersionSteps =>
  attributeBecomesInput({ name, index, element, list: false, ...(absent === undefined ? {} : { absent }) });
export const floatsBecomeInput = (name: string, index: number, element: ElementType | "like" = "float32"): VersionSteps =>
  attributeBecomesInput({ name, index, element, list: true });

/**
 * Binary operators before version 7 broadcast only when told: `broadcast` = 1 and `axis` aligns the first dimension
 * of B with a dimension of A. Newer versions align trailing dimensions, so B gets dimensions of 1 at its end.
 */
export const legacyBroadcast: VersionSteps = {
  upgrade: (node, context) => {
    const axis = takeInt(node, "axis");
    const broadcast = takeInt(node, "broadcast") ?? 0;
    delete node.attributes.consumed_inputs;
    if (broadcast === 0 || axis === undefined) return;
    const a = shapeOf(context.type(node.inputs[0]));
    const b = shapeOf(context.type(node.inputs[1]));
    if (!a || !b) throw new GraphwrightError("version-semantics", `${node.op}: its "axis" cannot be brought to the newer form, since the ranks of its inputs are unknown.`);
    const trailing = a.length - b.length - (axis < 0 ? axis + a.length : axis);
    if (trailing <= 0) return;
    const axes = makeTensor("int64", [trailing], BigInt64Array.from({ length: trailing }, (_, i) => BigInt(b.length + i)));
    node.inputs[1] = context.addNode("Unsqueeze", [node.inputs[1]!, context.addConstant(axes, `${outputName(node)}_axes`)], {}, `${outputName(node)}_aligned`);
  },
  downgrade: (node, context) => {
    const a = shapeOf(context.type(node.inputs[0]));
    const b = shapeOf(context.type(node.inputs[1]));
    if (!a || !b) return "it broadcasts shapes that are not known";
    if (a.length === b.length && a.every((d, i) => d !== null && d === b[i])) return undefined;
    const tail = a.slice(a.length - b.length);
    if (b.length > a.length || b.some((d, i) => d === null || d !== tail[i])) return "it broadcasts both inputs";
    node.attributes.broadcast = { kind: "int", value: 1 };
    return undefined;
  },
};

/** Removes an integer attribute and gives its value. */
export function takeInt(node: RawNode, name: string): number | undefined {
  const attribute = node.attributes[name];
  delete node.attributes[name];
  return attribute?.kind === "int" ? Number(attribute.value) : undefined;
}

export const intAttribute = (node: RawNode, name: string, fallback: number): number => {
  const attribute = node.attributes[name];
  return attribute?.kind === "int" ? Number(attribute.value) : fallback;
};

export const constantInts = (context: ConversionContext, values: readonly number[], name: string): ValueRef =>
  context.addConstant(makeTensor("int64", [values.length], BigInt64Array.from(values, BigInt)), name);
