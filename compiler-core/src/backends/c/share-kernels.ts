import type { KernelSource } from "./print.ts";
import { filled, literal, marksIn, type ShapeNumber } from "./shape-numbers.ts";
import { declared } from "./declarations.ts";

/**
 * Layers whose kernels differ only in numbers that come from shapes (how often a loop runs, strides, distances) share one
 * function, which takes those numbers after its pointers: compilers then translate a register tile once and not for every
 * layer. What the innermost loop of a reduction needs stays a number: its rows lie at fixed distances that cost no
 * register, and a short loop in it has a known length.
 */
export interface SharedKernel {
  readonly source: KernelSource;
  /** what the function calls its numbers */
  readonly names: readonly string[];
  /** the kernels that it stands for, by their place in the list, and what each passes for the numbers */
  readonly uses: readonly { readonly at: number; readonly numbers: readonly number[] }[];
}

/** A count up to this is kept in an innermost reduction: compilers write short loops out, or set their accumulators up for it. */
const shortCount = 16;
/** Pointers for one buffer that an innermost reduction can keep in registers, beside that to its start. */
const mostDistances = 3;

/** Shared functions in the order of their first use. */
export function shareKernels(kernels: readonly KernelSource[]): readonly SharedKernel[] {
  const byForm = new Map<string, number[]>();
  for (const [at, k] of kernels.entries()) {
    const form = withoutNames(k);
    byForm.set(form, [...(byForm.get(form) ?? []), at]);
  }
  const shared = [...byForm.values()].flatMap((members) => {
    const inner = innerReductions(kernels[members[0]!]!.form);
    const parts = (list: readonly number[]): readonly SharedKernel[] => {
      const fixed = fixedNumbers(kernels, list, inner);
      if (fixed.length === 0) return [shareOne(kernels, list)];
      const byFixed = new Map<string, number[]>();
      for (const at of list) {
        const key = fixed.map((i) => kernels[at]!.numbers[i]!.value).join();
        byFixed.set(key, [...(byFixed.get(key) ?? []), at]);
      }
      return [...byFixed.values()].flatMap(parts);
    };
    return parts(members);
  });
  return shared.sort((a, b) => a.uses[0]!.at - b.uses[0]!.at);
}

/** What the printer makes of a buffer's name for pointers into it. */
const pointerName = /^(\w+?)(_at(?:_\d+)?|_ahead)?$/;

/** What it makes of a loop's name for numbers. */
const loopName = /^(\w+?)(_in_row|_row|_column)?$/;

/** The form with places of parameters and locals for their names, without comments, and what its numbers belong to. */
function withoutNames({ form, numbers }: KernelSource): string {
  const names = [...form.slice(0, form.indexOf(" {\n")).matchAll(/\*(?:restrict )?(\w+)/g)].map((m) => m[1]!);
  const places = new Map(names.map((name, i) => [name, `$${i}`]));
  for (const line of form.split("\n")) for (const name of declared(line)) if (!places.has(pointerName.exec(name)![1]!) && !places.has(name)) places.set(name, `%${places.size}`);
  const general = form.replaceAll(/\/\*.*?\*\//g, "").replace(/\b[a-zA-Z]\w*/g, (word) => {
    const [, name, suffix = ""] = pointerName.exec(word)!;
    return places.get(word) ?? (places.has(name!) ? places.get(name!)! + suffix : word);
  });
  const loopOf = (loop: string): string => {
    const [, name, suffix = ""] = loopName.exec(loop) ?? [];
    return places.get(loop) ?? (places.has(name!) ? places.get(name!)! + suffix : loop);
  };
  return `${general}${numbers.map((n) => `${n.role} ${places.get(n.buffer) ?? n.buffer} ${loopOf(n.loop)}`).join()}`;
}

/** For each number of a form: which innermost loop of a reduction it stands in, or heads. */
interface Inner {
  readonly within: ReadonlyMap<number, number>;
  readonly heads: ReadonlySet<number>;
}

/** A sum or a maximum that one line updates. */
const update = /^\s*(\w+) (?:\+= |= .*\b\1\b)/;

function innerReductions(form: string): Inner {
  const within = new Map<number, number>();
  const heads = new Set<number>();
  const loops: { readonly indent: number; readonly head: readonly number[]; readonly inside: number[]; innermost: boolean; updates: boolean }[] = [];
  let number = 0;
  for (const [at, line] of form.split("\n").entries()) {
    const here = Array.from({ length: marksIn(line) }, () => number++);
    const indent = line.length - line.trimStart().length;
    const loop = loops.at(-1);
    if (line.startsWith("for (", indent)) {
      for (const l of loops) l.innermost = false;
      loops.push({ indent, head: here, inside: [], innermost: true, updates: false });
    } else if (loop && indent === loop.indent && line.trimStart() === "}") {
      loops.pop();
      if (!loop.innermost || !loop.updates) continue;
      for (const n of loop.head) heads.add(n);
      for (const n of loop.inside) within.set(n, at);
    } else if (loop) {
      loop.inside.push(...here);
      loop.updates ||= update.test(line);
    }
  }
  return { within, heads };
}

/** Numbers that differ among the kernels and should be the same in all that share a function. */
function fixedNumbers(kernels: readonly KernelSource[], members: readonly number[], { within, heads }: Inner): number[] {
  const numbersOf = (at: number): readonly ShapeNumber[] => kernels[at]!.numbers;
  const first = numbersOf(members[0]!);
  const differs = first.map((n, i) => members.some((m) => numbersOf(m)[i]!.value !== n.value));
  const fixed: number[] = [];
  const distances = new Map<string, { readonly positions: number[]; readonly moved: Set<string> }>();
  for (const [i, n] of first.entries()) {
    if (!differs[i]) continue;
    if (n.role === "count" && heads.has(i) && members.some((m) => numbersOf(m)[i]!.value <= shortCount)) fixed.push(i);
    if (n.role !== "distance" || !within.has(i)) continue;
    const key = `${within.get(i)} ${n.buffer}`;
    const known = distances.get(key) ?? { positions: [], moved: new Set() };
    known.positions.push(i);
    known.moved.add(members.map((m) => numbersOf(m)[i]!.value - n.value).join());
    distances.set(key, known);
  }
  for (const { positions, moved } of distances.values()) if (moved.size > mostDistances) fixed.push(...positions);
  return fixed;
}

interface Parameter {
  readonly role: ShapeNumber["role"];
  readonly name: string;
  readonly buffer: string;
  /** for each kernel */
  readonly values: readonly number[];
}

function shareOne(kernels: readonly KernelSource[], members: readonly number[]): SharedKernel {
  const source = kernels[members[0]!]!;
  const taken = new Set(source.text.match(/\w+/g));
  const parameters: Parameter[] = [];
  const add = (role: ShapeNumber["role"], wanted: string, buffer: string, values: readonly number[]): string => {
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    parameters.push({ role, name, buffer, values });
    return name;
  };
  const texts = source.numbers.map((n, i) => {
    const values = members.map((m) => kernels[m]!.numbers[i]!.value);
    if (values.every((v) => v === n.value)) return literal(n);
    const same = parameters.find((p) => (p.role === n.role || n.role === "distance") && p.buffer === n.buffer && p.values.every((v, k) => v === values[k]));
    if (same) return same.name;
    if (n.role === "size") return add("size", n.loop, "", values);
    if (n.role === "count") return add("count", `${n.loop}_count`, "", values);
    if (n.role === "stride") return add("stride", `${n.buffer}_${n.loop}`, n.buffer, values);
    return distance(parameters.filter((p) => p.buffer === n.buffer), values) ?? add("distance", `${n.buffer}_from`, n.buffer, values);
  });
  const text = filled(source.form, texts, parameters.map((p) => `, ptrdiff_t ${p.name}`).join(""));
  const shared: KernelSource = { ...source, text, prototype: text.slice(0, text.indexOf(" {\n")) };
  return { source: shared, names: parameters.map((p) => p.name), uses: members.map((at, k) => ({ at, numbers: parameters.map((p) => p.values[k]!) })) };
}

/** A distance by those that are passed already: a multiple of one and a number, or two and a number. */
function distance(known: readonly Parameter[], values: readonly number[]): string | undefined {
  const sum = (terms: string, rest: number): string => (rest === 0 ? terms : rest > 0 ? `${terms} + ${rest}` : `${terms} - ${-rest}`);
  const other = values.findIndex((v) => v !== values[0]);
  for (const p of known) {
    const by = (values[other]! - values[0]!) / (p.values[other]! - p.values[0]!);
    if (!Number.isInteger(by) || by < 1 || by > 64) continue;
    const rest = values[0]! - by * p.values[0]!;
    if (values.every((v, k) => v === by * p.values[k]! + rest)) return sum(by === 1 ? p.name : `${by} * ${p.name}`, rest);
  }
  for (const [i, p] of known.entries())
    for (const q of known.slice(i + 1)) {
      const rest = values[0]! - p.values[0]! - q.values[0]!;
      if (values.every((v, k) => v === p.values[k]! + q.values[k]! + rest)) return sum(`${p.name} + ${q.name}`, rest);
    }
  return undefined;
}
