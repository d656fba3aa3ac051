import type { KernelSource } from "./print.ts";
import { shareKernels } from "./share-kernels.ts";
import { mark, marked, unmarked, withoutMarks } from "./shape-numbers.ts";
import { declared, local, loop } from "./declarations.ts";

/**
 * Layers whose loops differ (in their order, in what threads share, in the rows that remain) often compute the same register
 * tiles. What stands around a tile's accumulators, and a long block without any, becomes a function that such layers call for each
 * tile, with pointers to its first elements: compilers translate it once. A tile that one kernel alone has is a function, too: with
 * fewer loops around it compilers take less time and keep the accumulators in registers.
 */
export interface TiledKernels {
  /** the kernels, in their order, some with calls for their tiles */
  readonly kernels: readonly KernelSource[];
  /** in the order of their first call */
  readonly tiles: readonly Tile[];
  /** for each kernel, where its blocks stand that moved into a tile: lines count from 1 within the tile's text */
  readonly moved: readonly (readonly { readonly block: string; readonly tile: number; readonly from: number; readonly to: number }[])[];
}

export interface Tile {
  readonly source: KernelSource;
  /** the kernels that call it, by their place in the list */
  readonly callers: readonly number[];
}

/** Lines of a kernel, from the declaration of locals to the end of their use, and what takes their place. */
interface Region {
  readonly kernel: number;
  /** numbers of lines from 0, `to` is behind the last */
  readonly from: number;
  readonly to: number;
  readonly tile: KernelSource;
  readonly indent: string;
  /** what the call passes before the tile's numbers, with marks */
  readonly passed: readonly string[];
}

/** `name` is the function of a tile by its number. */
export function shareTiles(kernels: readonly KernelSource[], name: (tile: number) => string): TiledKernels {
  const regions = kernels.flatMap((k, at) => regionsOf(k, at));
  const calls = new Map<number, { readonly region: Region; readonly tile: number; readonly text: string }[]>();
  const tiles: Tile[] = [];
  for (const { source, names, uses } of shareKernels(regions.map((r) => r.tile))) {
    const users = uses.map((u) => regions[u.at]!);
    const tile = tiles.length;
    const rename = (text: string): string => text.replace("void KERNEL(", `void ${name(tile)}(`);
    tiles.push({ source: { ...source, text: rename(source.text), prototype: rename(source.prototype) }, callers: [...new Set(users.map((r) => r.kernel))] });
    for (const [i, region] of users.entries()) {
      const numbers = names.map((n, k) => mark.number({ role: "size", buffer: "", loop: n, value: uses[i]!.numbers[k]!, wide: false }));
      calls.set(region.kernel, [...(calls.get(region.kernel) ?? []), { region, tile, text: `${region.indent}${name(tile)}(${[...region.passed, ...numbers].join(", ")});` }]);
    }
  }
  const moved = kernels.map((k, at) =>
    (calls.get(at) ?? []).flatMap(({ region: { from, to }, tile }) => k.blocks.filter((b) => b.from > from && b.from <= to).map((b) => ({ block: b.block, tile, from: b.from - from + 1, to: Math.min(b.to, to) - from + 1 }))),
  );
  return { kernels: kernels.map((k, at) => withCalls(k, calls.get(at) ?? [])), tiles, moved };
}

function withCalls(kernel: KernelSource, calls: readonly { readonly region: Region; readonly text: string }[]): KernelSource {
  if (calls.length === 0) return kernel;
  const lines = marked(kernel).split("\n");
  const sorted = [...calls].sort((a, b) => b.region.from - a.region.from);
  for (const { region, text } of sorted) lines.splice(region.from, region.to - region.from, text);
  const inside = (line: number): boolean => calls.some(({ region }) => line > region.from && line <= region.to);
  const before = (line: number): number => sorted.reduce((sum, { region }) => sum + (region.to < line ? region.to - region.from - 1 : 0), 0);
  const blocks = kernel.blocks.filter((b) => !inside(b.from)).map((b) => ({ block: b.block, from: b.from - before(b.from), to: b.to - before(b.to) }));
  return { ...kernel, ...unmarked(lines.join("\n")), blocks };
}

const indentOf = (line: string): number => line.length - line.trimStart().length;
const isControl = /^\s*#|\b(?:static|part|parts|stage)\b/;

/** What every function may use: types, helpers, macros, and words that do not leave a loop or a function. */
const isWord = /^(?:const|restrict|void|for|if|else|unsigned|signed|char|int|long|float|double|size_t|ptrdiff_t|uintptr_t|u?int\d+_t|gw_\w+|[A-Z][A-Z0-9_]*)$/;

const codeOf = (text: string): string => withoutMarks(text).replaceAll(/\/\*.*?\*\//g, "");

const namesIn = (text: string): string[] => codeOf(text).match(/\b[a-zA-Z_]\w*/g) ?? [];

/** Names but those of functions that are called. */
const valuesIn = (text: string): string[] => codeOf(text).match(/\b[a-zA-Z_]\w*\b(?!\()/g) ?? [];

function regionsOf(kernel: KernelSource, at: number): Region[] {
  const text = marked(kernel);
  const lines = text.split("\n");
  const regions: Region[] = [];
  const around: { readonly indent: number; readonly names: readonly string[] }[] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const indent = indentOf(line);
    while (around.length > 0 && indent <= around.at(-1)!.indent) around.pop();
    const to = around.length === 0 ? i : local.test(line) ? endOf(lines, i) : line.trim() === "{" ? blockEnd(lines, i) : i;
    const tile = local.test(line) ? lines.slice(i, to).some((l) => loop.test(l)) : to - i >= longBlock;
    const region = tile ? regionOf(kernel, at, lines, i, to, around.flatMap((a) => a.names)) : undefined;
    if (region) {
      regions.push(region);
      i = to - 1;
      continue;
    }
    if (line.endsWith("{")) around.push({ indent, names: loop.test(line) ? declared(line) : [] });
  }
  return regions;
}

/** Lines of a block without accumulators from which on it is worth a function of its own. */
const longBlock = 20;

/** Behind the bracket that closes a block. */
function blockEnd(lines: readonly string[], from: number): number {
  const indent = indentOf(lines[from]!);
  let end = from + 1;
  while (end < lines.length && indentOf(lines[end]!) > indent) end++;
  return end + 1;
}

/** Behind the last line that uses what is declared from line `from` on: at the next such declaration, or the end of the block. */
function endOf(lines: readonly string[], from: number): number {
  const indent = indentOf(lines[from]!);
  let end = from;
  while (indentOf(lines[end]!) >= indent) end++;
  let next = from;
  while (next < end && local.test(lines[next]!)) next++;
  const names = new Set(lines.slice(from, next).flatMap(declared));
  while (next < end && !(indentOf(lines[next]!) === indent && local.test(lines[next]!))) next++;
  return lines.slice(next, end).some((l) => namesIn(l).some((n) => names.has(n))) ? end : next;
}

function regionOf(kernel: KernelSource, at: number, lines: readonly string[], from: number, to: number, around: readonly string[]): Region | undefined {
  const body = lines.slice(from, to);
  if (body.some((l) => isControl.test(withoutMarks(l)))) return undefined;
  const header = lines[0]!;
  const pointers = [...header.matchAll(/((?:const )?\w+ \*(?:restrict )?)(\w+)/g)].map(([, type, name]) => ({ type: type!, name: name! }));
  const sizes = [...header.matchAll(/ptrdiff_t (\w+)/g)].map((m) => m[1]!);
  const inner = new Set(body.flatMap(declared));
  const free = new Set([...around, ...sizes].filter((n) => !inner.has(n)));
  const mentioned = new Set(body.flatMap(namesIn));
  if (pointers.some((p) => inner.has(p.name))) return undefined;
  const known = new Set([...pointers.map((p) => p.name), ...inner, ...free]);
  if (body.flatMap(valuesIn).some((n) => !known.has(n) && !isWord.test(n))) return undefined;
  let text = body.map((l) => l.slice(Math.max(indentOf(body[0]!) - 2, 0))).join("\n");
  const parameters: string[] = [];
  const passed: string[] = [];
  const after: { readonly parameter: string; readonly passed: string }[] = [];
  for (const { type, name } of pointers) {
    if (!mentioned.has(name)) continue;
    const ahead = movedAhead(text, name, free);
    if (ahead) {
      text = ahead.text;
      after.push({ parameter: `uintptr_t ${name}_next`, passed: ahead.start });
    }
    if (!namesIn(text).includes(name)) continue;
    const start = moved(text, name, free, mentioned);
    text = start?.text ?? text;
    const pointers = start?.pointers ?? [{ name, start: name }];
    // Several into one buffer may meet.
    for (const p of pointers) parameters.push(`${pointers.length > 1 && !type.startsWith("const ") ? type.replace("restrict ", "") : type}${p.name}`);
    passed.push(...pointers.map((p) => p.start));
  }
  for (const n of free) {
    if (!namesIn(text).includes(n)) continue;
    after.push({ parameter: `ptrdiff_t ${n}`, passed: n });
  }
  parameters.push(...after.map((a) => a.parameter));
  passed.push(...after.map((a) => a.passed));
  const tiled = header.startsWith("void ") ? "" : header.slice(0, header.indexOf("void "));
  const printed = unmarked(`${tiled}void KERNEL(${parameters.join(", ")}${mark.parameters}) {\n${text}\n}\n`);
  const tile: KernelSource = { ...kernel, ...printed, prototype: printed.text.slice(0, printed.text.indexOf(" {\n")), sizes: [], blocks: [], stages: 0 };
  return { kernel: at, from, to, tile, indent: " ".repeat(indentOf(body[0]!)), passed };
}

/** Into one buffer a tile takes at most so many pointers. */
const mostPointers = 4;

/** A sum of an address: what loops outside decide, what loops inside do, and a number; undefined where a term mixes them. */
interface Sum {
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  readonly constant: number;
  /** behind its last character */
  readonly end: number;
}

/** Reads the sum that is added to a pointer: it begins at a place in a text and goes on to a bracket, a comma or the end of the statement. */
function sumAt(text: string, begin: number, name: string, free: ReadonlySet<string>): Sum | undefined {
  const terms: string[] = [];
  let depth = 0;
  let at = begin;
  let term = "";
  for (; ; at++) {
    const c = text[at];
    if (c === undefined) return undefined;
    if (c === "\ue000") {
      const end = text.indexOf("\ue001", at);
      term += text.slice(at, end + 1);
      at = end;
      continue;
    }
    if (depth === 0 && (c === ")" || c === "]" || c === "," || c === ";")) break;
    if (depth === 0 && text.startsWith(" - ", at)) return undefined;
    if (depth === 0 && text.startsWith(" + ", at)) {
      terms.push(term);
      term = "";
      at += 2;
      continue;
    }
    if (c === "(" || c === "[") depth++;
    if (c === ")" || c === "]") depth--;
    term += c;
  }
  terms.push(term);
  const [outer, inner]: [string[], string[]] = [[], []];
  let constant = 0;
  for (const t of terms) {
    const names = namesIn(t);
    if (names.includes(name)) return undefined;
    const number = /^(?:\ue000distance,\w*,,(\d+)\ue001|(\d+))$/.exec(t);
    if (number) constant += Number(number[1] ?? number[2]);
    else if (names.length === 0 || names.every((n) => !free.has(n))) inner.push(t);
    else if (names.every((n) => free.has(n))) outer.push(t);
    else return undefined;
  }
  return { outer, inner, constant, end: at };
}

const sumOf = (terms: readonly string[], constant: number, buffer: string): string => [...terms, ...(constant > 0 ? [mark.number({ role: "distance", buffer, loop: "", value: constant, wide: false })] : [])].join(" + ");

/**
 * The text with pointers to the first of the elements that it reads or writes, one for each sum of loops outside; undefined where these
 * loops and those inside are not apart. What the call passes for each pointer is its `start`.
 */
function moved(text: string, name: string, free: ReadonlySet<string>, taken: ReadonlySet<string>): { readonly text: string; readonly pointers: readonly { readonly name: string; readonly start: string }[] } | undefined {
  const found: { readonly at: number; readonly sum: Sum; readonly index: boolean }[] = [];
  for (const { index: at } of text.matchAll(new RegExp(`\\b${name}\\b`, "g"))) {
    // Marks hold names of buffers.
    if (text.lastIndexOf("\ue000", at) > text.lastIndexOf("\ue001", at)) continue;
    const behind = at + name.length;
    const index = text.startsWith("[", behind);
    if (!index && !text.startsWith(" + ", behind)) {
      found.push({ at, sum: { outer: [], inner: [], constant: 0, end: behind }, index });
      continue;
    }
    const sum = text.slice(0, at).endsWith("(uintptr_t)") ? undefined : sumAt(text, behind + (index ? 1 : 3), name, free);
    if (!sum) return undefined;
    found.push({ at, sum: { ...sum, end: sum.end + (index ? 1 : 0) }, index });
  }
  const pointers = new Map<string, { readonly name: string; constant: number; readonly outer: readonly string[] }>();
  for (const { sum } of found) {
    const key = sum.outer.join();
    const known = pointers.get(key) ?? { name: pointers.size === 0 ? name : `${name}_${pointers.size + 1}`, constant: sum.constant, outer: sum.outer };
    pointers.set(key, known);
    known.constant = Math.min(known.constant, sum.constant);
  }
  if (pointers.size > mostPointers || [...pointers.values()].some((p) => p.name !== name && taken.has(p.name))) return undefined;
  let made = text;
  for (const { at, sum, index } of found.reverse()) {
    const p = pointers.get(sum.outer.join())!;
    const rest = sumOf(sum.inner, sum.constant - p.constant, p.name);
    made = `${made.slice(0, at)}${p.name}${index ? `[${rest === "" ? "0" : rest}]` : rest === "" ? "" : ` + ${rest}`}${made.slice(sum.end)}`;
  }
  for (const p of pointers.values()) made = made.replaceAll(`*)(${p.name})`, `*)${p.name}`);
  return { text: made, pointers: [...pointers.values()].map((p) => ({ name: p.name, start: [name, sumOf(p.outer, p.constant, name)].filter((t) => t !== "").join(" + ") })) };
}

/** The address from which the text prefetches, as a number of its own. */
function movedAhead(text: string, name: string, free: ReadonlySet<string>): { readonly text: string; readonly start: string } | undefined {
  const begin = `(uintptr_t)${name} + (uintptr_t)(`;
  const from = text.indexOf(begin);
  if (from < 0 || text.includes(begin, from + 1)) return undefined;
  const sum = sumAt(text, from + begin.length, name, free);
  const bytes = sum && /^\) \* \d+u/.exec(text.slice(sum.end))?.[0];
  if (!bytes || sum.outer.length === 0) return undefined;
  const rest = sum.inner.length === 0 ? "" : ` + (uintptr_t)(${sum.inner.join(" + ")}${bytes}`;
  return { text: `${text.slice(0, from)}${name}_next${rest}${text.slice(sum.end + bytes.length)}`, start: `${begin}${sumOf(sum.outer, sum.constant, name)}${bytes}` };
}
