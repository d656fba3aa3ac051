import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import { finished, workArray } from "./numbers.ts";
import { offsetsOf } from "./reduction.ts";
import { stridesOf } from "./strides.ts";

export interface EinsumPlan {
  /** labels of each operand's dimensions; those of "..." are numbered from the last, as "0", "1", ... */
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Reads an equation for operands of the given ranks. undefined when a rank behind "..." is unknown. */
export function parseEquation(equation: string, ranks: readonly (number | undefined)[]): EinsumPlan | undefined {
  const fail = (why: string): GraphwrightError => new GraphwrightError("einsum", `the equation "${equation}" ${why}.`);
  const [left = "", right] = equation.replace(/\s/g, "").split("->");
  const terms = left.split(",");
  if (terms.length !== ranks.length) throw fail(`has ${terms.length} terms for ${ranks.length} operands`);
  if (ranks.some((r) => r === undefined)) return undefined;
  let ellipsis = 0;
  const operands = terms.map((term, i) => {
    if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term)) throw fail(`has the term "${term}", which is not made of letters and one "..."`);
    const labels = term.replace("...", "").length;
    const extra = ranks[i]! - labels;
    if (extra < 0 || (extra > 0 && !term.includes("..."))) throw fail(`gives ${labels} labels to operand ${i}, which has rank ${ranks[i]}`);
    ellipsis = Math.max(ellipsis, term.includes("...") ? extra : 0);
    return expand(term, extra);
  });
  if (right !== undefined) return { operands, output: expand(right, right.includes("...") ? ellipsis : 0) };
  const counts = new Map<string, number>();
  for (const label of operands.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const once = [...counts].filter(([label, n]) => n === 1 && /[A-Za-z]/.test(label)).map(([label]) => label);
  return { operands, output: [...expand("...", ellipsis), ...once.sort()] };
}

const expand = (term: string, extra: number): string[] => {
  const [before = "", after] = term.split("...");
  if (after === undefined) return [...before];
  return [...before, ...Array.from({ length: extra }, (_, i) => String(extra - 1 - i)), ...after];
};

export function contractTensors(equation: string, tensors: readonly Tensor[], task: Task): Tensor {
  const plan = parseEquation(equation, tensors.map((t) => t.dims.length))!;
  const element = tensors[0]!.element;
  const sizes = new Map<string, number>();
  for (const [i, labels] of plan.operands.entries())
    for (const [d, label] of labels.entries()) {
      const size = tensors[i]!.dims[d]!;
      const before = sizes.get(label) ?? 1;
      if (before !== 1 && size !== 1 && before !== size) throw new GraphwrightError("einsum", `the label ${label} of "${equation}" is ${before} and ${size}.`);
      sizes.set(label, before === 1 ? size : before);
    }
  for (const label of plan.output) if (!sizes.has(label)) throw new GraphwrightError("einsum", `the label ${label} of the result of "${equation}" is in no operand.`);
  // Operands are joined two at a time; a label that nothing needs any more is summed at once.
  let left: Labelled = { labels: plan.operands[0]!, dims: tensors[0]!.dims, numbers: toNumbers(tensors[0]!) };
  if (tensors.length === 1) left = contract(left, unit, plan.output, sizes, task);
  for (let i = 1; i < tensors.length; i++) {
    const right: Labelled = { labels: plan.operands[i]!, dims: tensors[i]!.dims, numbers: toNumbers(tensors[i]!) };
    const later = new Set([...plan.operands.slice(i + 1).flat(), ...plan.output]);
    const keep = i === tensors.length - 1 ? plan.output : [...new Set([...left.labels, ...right.labels])].filter((label) => later.has(label));
    left = contract(left, right, keep, sizes, task);
  }
  const out = workArray(element, left.numbers.length);
  out.set(left.numbers);
  return finished(element, left.dims, out);
}

interface Labelled {
  readonly labels: readonly string[];
  readonly dims: readonly number[];
  readonly numbers: ArrayLike<number>;
}

const unit: Labelled = { labels: [], dims: [], numbers: [1] };

function contract(a: Labelled, b: Labelled, output: readonly string[], sizes: ReadonlyMap<string, number>, task: Task): Labelled {
  const kept = new Set(output);
  const summed = [...new Set([...a.labels, ...b.labels])].filter((label) => !kept.has(label));
  const strideOf = (t: Labelled, label: string): number => {
    const own = stridesOf(t.dims);
    return t.labels.reduce((sum, l, d) => (l === label && t.dims[d] !== 1 ? sum + own[d]! : sum), 0);
  };
  const dims = output.map((label) => sizes.get(label)!);
  const sumDims = summed.map((label) => Math.max(...[a, b].flatMap((t) => t.labels.flatMap((l, d) => (l === label ? [t.dims[d]!] : [])))));
  const offsets = (labels: readonly string[], extents: readonly number[], t: Labelled): Int32Array => offsetsOf(extents, labels.map((label) => strideOf(t, label)));
  const [aOut, bOut] = [offsets(output, dims, a), offsets(output, dims, b)];
  const [aSum, bSum] = [offsets(summed, sumDims, a), offsets(summed, sumDims, b)];
  const numbers = new Float64Array(elementCount(dims));
  for (let o = 0; o < numbers.length; o++) {
    if ((o & 1023) === 0) task.check();
    const i = aOut[o]!;
    const j = bOut[o]!;
    let sum = 0;
    for (let k = 0; k < aSum.length; k++) sum += a.numbers[i + aSum[k]!]! * b.numbers[j + bSum[k]!]!;
    numbers[o] = sum;
  }
  return { labels: output, dims, numbers };
}
