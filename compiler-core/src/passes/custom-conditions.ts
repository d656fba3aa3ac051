import type { Attribute } from "../ir/attribute.ts";
import { type Dim, dimsEqual, printDim } from "../ir/dim.ts";
import { elementKind, type ElementType } from "../ir/element-type.ts";
import { printAttribute } from "../ir/printer.ts";
import { elementOf, shapesEqual } from "../ir/value-type.ts";
import type { Binding } from "./custom-matching.ts";
import { numbersOf, sameAttribute } from "./custom-matching.ts";
import type { Comparison, Condition, DimPattern, ElementClass } from "./custom-syntax.ts";
import type { MatchContext, PreconditionState } from "./definition.ts";

export interface Answer {
  readonly state: PreconditionState;
  readonly detail: string;
}

const answer = (holds: boolean, detail: string): Answer => ({ state: holds ? "satisfied" : "failed", detail });
const unknown = (detail: string): Answer => ({ state: "unknown", detail });

/** What a condition says at one place. Names of dimensions are bound by the first shape that has them. */
export function askCondition(condition: Condition, binding: Binding, dims: Map<string, Dim>, context: MatchContext): Answer {
  const told = ask(condition, binding, dims, context);
  if (!condition.negated || told.state === "unknown") return told;
  return { state: told.state === "satisfied" ? "failed" : "satisfied", detail: told.detail };
}

function ask(condition: Condition, { values, attributes }: Binding, dims: Map<string, Dim>, context: MatchContext): Answer {
  const refOf = (name: string): Parameters<MatchContext["type"]>[0] & object => values.get(name)!;
  const elementAt = (name: string): ElementType | null => elementOf(context.type(refOf(name)));
  switch (condition.kind) {
    case "constant": {
      const ref = refOf(condition.value);
      return answer(context.constant(ref) !== undefined, context.constant(ref) ? `${context.describe(ref)} is a constant` : `${context.describe(ref)} is computed`);
    }
    case "element-class": {
      const element = elementAt(condition.value);
      return element === null ? unknown("the element type is unknown") : answer(isOf(element, condition.of), element);
    }
    case "element": {
      const a = elementAt(condition.value);
      const b = typeof condition.to === "string" ? condition.to : elementAt(condition.to.value);
      return a === null || b === null ? unknown("an element type is unknown") : answer((a === b) === condition.equal, a === b ? a : `${a} and ${b}`);
    }
    case "rank": {
      const rank = (name: string): number | undefined => context.shape(refOf(name))?.length;
      const a = rank(condition.value);
      const b = typeof condition.to === "number" ? condition.to : rank(condition.to.value);
      return a === undefined || b === undefined ? unknown("a rank is unknown") : answer(compare(a, condition.comparison, b), `the rank is ${a}`);
    }
    case "uses": {
      const uses = (name: string): number => context.graph.usesOfValue(refOf(name)).length;
      const a = uses(condition.value);
      const b = typeof condition.to === "number" ? condition.to : uses(condition.to.value);
      return answer(compare(a, condition.comparison, b), a === 1 ? "1 use" : `${a} uses`);
    }
    case "size": {
      const size = (name: string, axis: number): Dim | undefined => {
        const shape = context.shape(refOf(name));
        return shape?.[axis < 0 ? axis + shape.length : axis];
      };
      const a = size(condition.value, condition.axis);
      const b = typeof condition.to === "number" ? condition.to : size(condition.to.value, condition.to.axis);
      if (a === undefined || b === undefined || a === null || b === null) return unknown("a size is unknown, or there is no such axis");
      if (typeof a === "number" && typeof b === "number") return answer(compare(a, condition.comparison, b), `the size is ${a}`);
      if (dimsEqual(a, b)) return answer(["=", "<=", ">="].includes(condition.comparison), `both are ${printDim(a)}`);
      return unknown(`${printDim(a)} and ${printDim(b)} cannot be compared`);
    }
    case "shape": {
      const shape = context.shape(refOf(condition.value));
      if (!shape) return unknown("the rank is unknown");
      if (!("value" in condition.to)) return askShape(shape, condition.to, dims);
      const other = context.shape(refOf(condition.to.value));
      if (!other) return unknown("a rank is unknown");
      if (shapesEqual(shape, other)) return answer(true, `[${shape.map(printDim).join(", ")}]`);
      const detail = `[${shape.map(printDim).join(", ")}] and [${other.map(printDim).join(", ")}]`;
      const apart = shape.length !== other.length || shape.some((d, i) => typeof d === "number" && typeof other[i] === "number" && d !== other[i]);
      return apart ? answer(false, detail) : unknown(`${detail} are not proven equal`);
    }
    case "value": {
      const ref = refOf(condition.value);
      const numbers = numbersOf(context, ref);
      if (typeof numbers === "string") return answer(false, `${context.describe(ref)} ${numbers}`);
      const { comparison, to, tolerance } = condition;
      const near = (n: number): boolean => Object.is(n, to) || n === to || Math.abs(n - to) <= tolerance;
      const holds = (n: number): boolean => (comparison === "=" ? near(n) : comparison === "!=" ? !near(n) : compare(n, comparison, to));
      const odd = numbers.find((n) => !holds(n));
      return answer(odd === undefined, odd === undefined ? (numbers.length === 1 ? `it is ${numbers[0]}` : `so is every element`) : `it has an element ${odd}`);
    }
    case "attribute": {
      const value = attributes.get(condition.variable)!;
      const number = (x: Attribute): number | undefined => (x.kind === "int" || x.kind === "float" ? Number(x.value) : undefined);
      const detail = `${condition.variable} is ${printAttribute(value)}`;
      if (condition.comparison === "=" || condition.comparison === "!=") return answer(sameAttribute(value, condition.to) === (condition.comparison === "="), detail);
      const [a, b] = [number(value), number(condition.to)];
      return a === undefined || b === undefined ? answer(false, `${detail}, which has no order`) : answer(compare(a, condition.comparison, b), detail);
    }
  }
}

function compare(a: number, comparison: Comparison, b: number): boolean {
  switch (comparison) {
    case "=":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

function isOf(element: ElementType, of: ElementClass): boolean {
  const kind = elementKind(element);
  if (of === "integer") return kind === "int" || kind === "uint";
  if (of === "signed") return kind === "int" || kind === "float";
  if (of === "unsigned") return kind === "uint";
  return kind === of;
}

function askShape(shape: readonly Dim[], pattern: readonly DimPattern[], dims: Map<string, Dim>): Answer {
  const printed = `[${shape.map(printDim).join(", ")}]`;
  const gap = pattern.indexOf("...");
  if (gap < 0 ? shape.length !== pattern.length : shape.length < pattern.length - 1) return answer(false, `${printed} has rank ${shape.length}`);
  const tail = gap < 0 ? [] : pattern.slice(gap + 1);
  const head = gap < 0 ? pattern : pattern.slice(0, gap);
  const pairs: [DimPattern, Dim][] = [...head.map((d, i): [DimPattern, Dim] => [d, shape[i]!]), ...tail.map((d, i): [DimPattern, Dim] => [d, shape[shape.length - tail.length + i]!])];
  let open = "";
  for (const [wanted, dim] of pairs) {
    if (wanted === "*") continue;
    const known = typeof wanted === "number" ? wanted : dims.get(wanted);
    if (known === undefined) dims.set(wanted as string, dim);
    else if (!dimsEqual(known, dim)) {
      if (typeof known === "number" && typeof dim === "number") return answer(false, `${printed}: ${dim} is not ${typeof wanted === "number" ? wanted : `${wanted} = ${known}`}`);
      open = `${printed}: ${printDim(dim)} is not proven to be ${wanted}`;
    }
  }
  return open === "" ? answer(true, printed) : unknown(open);
}
