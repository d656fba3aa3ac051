/**
 * A dimension: a known size, a symbolic expression, or `null` when nothing is known.
 * Symbolic expressions are polynomials with integer coefficients over atoms; an atom is a named symbol or an
 * operation that does not expand (floor division, minimum, maximum). They are interned: equal expressions are the
 * same object. Two symbols with equal names are equal; two unknown dimensions never are.
 */
export type Dim = number | SymbolicDim | null;

type Monomial = { readonly coefficient: number; readonly atoms: readonly string[] };

const table = new Map<string, SymbolicDim>();

export class SymbolicDim {
  /** canonical text, as "2*N + 1" or "floor((N + 1)/2)" */
  readonly text: string;
  readonly terms: readonly Monomial[];

  /** @internal use `symbol` or the arithmetic functions */
  constructor(text: string, terms: readonly Monomial[]) {
    this.text = text;
    this.terms = terms;
  }

  toString(): string {
    return this.text;
  }
}

const key = (atoms: readonly string[]): string => atoms.join("*");

function fromTerms(terms: Iterable<Monomial>): number | SymbolicDim {
  const sums = new Map<string, Monomial>();
  for (const term of terms) {
    const id = key(term.atoms);
    const known = sums.get(id);
    sums.set(id, known ? { atoms: term.atoms, coefficient: known.coefficient + term.coefficient } : term);
  }
  const kept = [...sums.values()].filter((t) => t.coefficient !== 0);
  kept.sort((a, b) => b.atoms.length - a.atoms.length || (key(a.atoms) < key(b.atoms) ? -1 : 1));
  if (kept.length === 0) return 0;
  const first = kept[0] as Monomial;
  if (kept.length === 1 && first.atoms.length === 0) return first.coefficient;
  let text = "";
  for (const [i, t] of kept.entries()) {
    const size = Math.abs(t.coefficient);
    const body = t.atoms.length === 0 ? `${size}` : (size === 1 ? "" : `${size}*`) + key(t.atoms);
    text += i === 0 ? (t.coefficient < 0 ? `-${body}` : body) : t.coefficient < 0 ? ` - ${body}` : ` + ${body}`;
  }
  let dim = table.get(text);
  if (!dim) {
    dim = new SymbolicDim(text, kept);
    table.set(text, dim);
  }
  return dim;
}

const termsOf = (d: number | SymbolicDim): readonly Monomial[] =>
  typeof d === "number" ? [{ coefficient: d, atoms: [] }] : d.terms;

/** The terms of a dimension; an atom is the text of a symbol, or of "floor(a/b)", "min(a, b)" or "max(a, b)". */
export const dimAtoms = (d: number | SymbolicDim): readonly Monomial[] => termsOf(d);

const atom = (text: string): SymbolicDim => fromTerms([{ coefficient: 1, atoms: [text] }]) as SymbolicDim;

/** A named symbol. Names that are not identifiers are quoted in the text form. */
export function symbol(name: string): SymbolicDim {
  return atom(/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name) ? name : JSON.stringify(name));
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === null || b === null) return null;
  return fromTerms([...termsOf(a), ...termsOf(b)]);
}

export function negateDim(a: Dim): Dim {
  if (typeof a === "number") return -a;
  return a === null ? null : fromTerms(a.terms.map((t) => ({ ...t, coefficient: -t.coefficient })));
}

export const subDims = (a: Dim, b: Dim): Dim => addDims(a, negateDim(b));

export function mulDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (a === 0 || b === 0) return 0;
  if (a === null || b === null) return null;
  const product: Monomial[] = [];
  for (const x of termsOf(a))
    for (const y of termsOf(b))
      product.push({ coefficient: x.coefficient * y.coefficient, atoms: [...x.atoms, ...y.atoms].sort() });
  return fromTerms(product);
}

const parenthesize = (d: number | SymbolicDim): string =>
  typeof d === "number" || /^[A-Za-z0-9_.]+$/.test(d.text) ? `${d}` : `(${d.text})`;

/** floor(a / b); exact where every term of `a` divides. */
export function floorDivDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return b === 0 ? null : Math.floor(a / b);
  if (a === null || b === null || b === 0) return null;
  if (b === 1) return a;
  if (a === b) return 1;
  if (a === 0) return 0;
  if (typeof b === "number" && typeof a !== "number") {
    if (a.terms.every((t) => t.coefficient % b === 0))
      return fromTerms(a.terms.map((t) => ({ ...t, coefficient: t.coefficient / b })));
    // floor(floor(x/m)/n) = floor(x/(m*n))
    const inner = b > 0 ? /^floor\((.*)\/(\d+)\)$/.exec(a.text) : null;
    if (inner && a.terms.length === 1 && a.terms[0]!.atoms.length === 1) return floorDivDims(parseDim(inner[1]!), Number(inner[2]) * b);
  }
  if (typeof a !== "number" && typeof b !== "number" && b.terms.length === 1) {
    // Cancels a common monomial: (8*N*C) / (2*N) = 4*C.
    const divisor = b.terms[0] as Monomial;
    const quotient: Monomial[] = [];
    for (const t of a.terms) {
      const rest = [...t.atoms];
      const divides = divisor.atoms.every((x) => {
        const i = rest.indexOf(x);
        if (i >= 0) rest.splice(i, 1);
        return i >= 0;
      });
      if (!divides || t.coefficient % divisor.coefficient !== 0) return atom(`floor(${parenthesize(a)}/${parenthesize(b)})`);
      quotient.push({ coefficient: t.coefficient / divisor.coefficient, atoms: rest });
    }
    return fromTerms(quotient);
  }
  return atom(`floor(${parenthesize(a)}/${parenthesize(b)})`);
}

/** ceil(a / b) for positive b. */
export function ceilDivDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return b === 0 ? null : Math.ceil(a / b);
  return floorDivDims(addDims(a, subDims(b, 1)), b);
}

const atomSigns = new Map<string, boolean>();

/** The two operands of an atom "floor(a/b)", "min(a, b)" or "max(a, b)". */
export function dimOperands(atom: string): [Dim, Dim] {
  const separator = atom.startsWith("floor(") ? "/" : ",";
  const start = atom.indexOf("(") + 1;
  let depth = 0;
  let quoted = false;
  for (let i = start; i < atom.length - 1; i++) {
    const c = atom[i]!;
    if (quoted && c === "\\") i++;
    else if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === separator && depth === 0) return [parseDim(atom.slice(start, i)), parseDim(atom.slice(i + 1, -1))];
  }
  return [null, null];
}

/** Whether an atom is proven not to be negative: a named size is not. */
function atomNeverNegative(atom: string): boolean {
  const kind = /^(?:floor|min|max)(?=\()/.exec(atom)?.[0];
  if (kind === undefined) return true;
  let proven = atomSigns.get(atom);
  if (proven === undefined) {
    const [a, b] = dimOperands(atom);
    if (kind === "floor") proven = neverNegative(a) && neverNegative(subDims(b, 1));
    else if (kind === "min") proven = neverNegative(a) && neverNegative(b);
    else proven = neverNegative(a) || neverNegative(b);
    atomSigns.set(atom, proven);
  }
  return proven;
}

/** True only when proven: sums of sizes with positive factors are, and what is divided, or chosen, from such. */
export function neverNegative(d: Dim): boolean {
  if (d === null) return false;
  if (typeof d === "number") return d >= 0;
  return d.terms.every((t) => t.coefficient > 0 && t.atoms.every(atomNeverNegative));
}

/** The operands of a dimension that is one minimum, or one maximum, and nothing else. */
function operandsOf(d: number | SymbolicDim, kind: "min" | "max"): readonly Dim[] {
  const [term, ...more] = termsOf(d);
  return term?.coefficient === 1 && more.length === 0 && term.atoms.length === 1 && term.atoms[0]!.startsWith(`${kind}(`) ? dimOperands(term.atoms[0]!) : [];
}

/** min(a, max(a, c)) is a, and min(a, min(a, c)) is the inner one; the other way round for the maximum. */
function absorbed(a: number | SymbolicDim, b: number | SymbolicDim, kind: "min" | "max"): Dim | undefined {
  const other = kind === "min" ? "max" : "min";
  if (operandsOf(b, other).includes(a) || operandsOf(a, kind).includes(b)) return a;
  if (operandsOf(a, other).includes(b) || operandsOf(b, kind).includes(a)) return b;
  return undefined;
}

export function minDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return Math.min(a, b);
  if (a === null || b === null) return null;
  if (a === b || neverNegative(subDims(b, a))) return a;
  if (neverNegative(subDims(a, b))) return b;
  const [x, y] = `${a}` < `${b}` ? [a, b] : [b, a];
  return absorbed(a, b, "min") ?? atom(`min(${x}, ${y})`);
}

export function maxDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return Math.max(a, b);
  if (a === null || b === null) return null;
  if (a === b || neverNegative(subDims(a, b))) return a;
  if (neverNegative(subDims(b, a))) return b;
  const [x, y] = `${a}` < `${b}` ? [a, b] : [b, a];
  return absorbed(a, b, "max") ?? atom(`max(${x}, ${y})`);
}

/** True only when proven equal: unknown dimensions are equal to nothing, themselves included. */
export const dimsEqual = (a: Dim, b: Dim): boolean => a !== null && a === b;

/** True only when proven different (two distinct known sizes, or a constant non-zero difference). */
export function dimsDiffer(a: Dim, b: Dim): boolean {
  if (a === null || b === null || a === b) return false;
  const difference = subDims(a, b);
  return typeof difference === "number" && difference !== 0;
}

export const printDim = (d: Dim): string => (d === null ? "?" : `${d}`);

/** Every named symbol in a dimension (the names inside floor, min and max included). */
export function dimSymbols(d: Dim): string[] {
  if (d === null || typeof d === "number") return [];
  const names = d.text.match(/"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_.]*/g) ?? [];
  return [...new Set(names.filter((n) => n !== "floor" && n !== "min" && n !== "max"))].map((n) =>
    n.startsWith('"') ? (JSON.parse(n) as string) : n,
  );
}

/**
 * Reads the text form of a dimension: integers, names, quoted names, + - *, parentheses, floor(a/b), min, max, "?".
 * Throws SyntaxError with the column.
 */
export function parseDim(text: string): Dim {
  let at = 0;
  const tokens = text.match(/\s*("(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_.]*|\d+|[-+*/(),?])/g) ?? [];
  if (tokens.join("").length !== text.trimEnd().length) throw new SyntaxError(`not a dimension: ${text}`);
  const items = tokens.map((t) => t.trim());
  const expect = (t: string): void => {
    if (items[at++] !== t) throw new SyntaxError(`expected "${t}" in dimension: ${text}`);
  };
  const primary = (): Dim => {
    const t = items[at++];
    if (t === undefined) throw new SyntaxError(`dimension ends early: ${text}`);
    if (t === "?") return null;
    if (t === "-") return negateDim(primary());
    if (/^\d/.test(t)) return Number(t);
    if (t === "(") {
      const inner = sum();
      expect(")");
      return inner;
    }
    if ((t === "floor" || t === "min" || t === "max") && items[at] === "(") {
      at++;
      if (t === "floor") {
        const a = product();
        expect("/");
        const b = product();
        expect(")");
        return floorDivDims(a, b);
      }
      const a = sum();
      expect(",");
      const b = sum();
      expect(")");
      return t === "min" ? minDims(a, b) : maxDims(a, b);
    }
    if (t.startsWith('"')) return symbol(JSON.parse(t) as string);
    if (/^[A-Za-z_]/.test(t)) return symbol(t);
    throw new SyntaxError(`unexpected "${t}" in dimension: ${text}`);
  };
  const product = (): Dim => {
    let left = primary();
    while (items[at] === "*") {
      at++;
      left = mulDims(left, primary());
    }
    return left;
  };
  const sum = (): Dim => {
    let left = product();
    while (items[at] === "+" || items[at] === "-") left = items[at++] === "+" ? addDims(left, product()) : subDims(left, product());
    return left;
  };
  const result = sum();
  if (at !== items.length) throw new SyntaxError(`unexpected "${items[at]}" in dimension: ${text}`);
  return result;
}
