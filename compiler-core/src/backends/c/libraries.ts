import { type OperatorNode, qualifiedOp } from "../../ir/graph.ts";
import type { LoweringAttributes } from "../../tensor/lowering.ts";
import { elementCount } from "../../ir/value-type.ts";
import type { Buffer } from "../../tensor/program.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { cFloat } from "./types.ts";

/** A call that does the work of a whole step. */
export interface LibraryCall {
  readonly routine: string;
  /** statements of C, given the names of the buffers */
  lines(nameOf: (buffer: Buffer) => string): string[];
}

/** What a step hands to a library: its node's inputs and outputs as buffers. */
export interface LibrarySite {
  readonly node: OperatorNode;
  readonly attributes: LoweringAttributes;
  readonly inputs: readonly (Buffer | null)[];
  readonly outputs: readonly Buffer[];
}

/** A vendor library: steps that it covers call it where the bundle is compiled with `macro`; the loop nest stays beside the call. */
export interface VendorLibrary {
  readonly name: string;
  readonly title: string;
  readonly header: string;
  readonly macro: string;
  /** flag of the linker, unless the person names another */
  readonly link: string;
  /** rewrites of the kernels pipeline that take away what the library computes */
  readonly replaces: readonly string[];
  callOf(site: LibrarySite): LibraryCall | undefined;
}

interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly transposed: readonly [left: boolean, right: boolean];
  readonly alpha: number;
  readonly beta: number;
  /** loops over matrices: how many, and by how many elements each factor and the result move on */
  readonly batches: readonly { readonly count: number; readonly steps: readonly [left: number, right: number, result: number] }[];
}

const largestInt = 2 ** 31 - 1;

/** MatMul as products of matrices: a right factor without batches makes one product of all rows. */
function matMulProduct(left: readonly number[], right: readonly number[]): Product | undefined {
  if (left.length === 0 || right.length === 0) return undefined;
  const a = left.length === 1 ? [1, left[0]!] : left;
  const b = right.length === 1 ? [right[0]!, 1] : right;
  const [m, k] = a.slice(-2) as [number, number];
  const n = b.at(-1)!;
  const rank = Math.max(a.length, b.length) - 2;
  const sizes = (dims: readonly number[]): number[] => [...new Array<number>(rank - (dims.length - 2)).fill(1), ...dims.slice(0, -2)];
  const [x, y] = [sizes(a), sizes(b)];
  const base = { columns: n, inner: k, transposed: [false, false], alpha: 1, beta: 0 } as const;
  if (y.every((size) => size === 1)) return { ...base, rows: elementCount(x) * m, batches: [] };
  const all = x.map((size, d) => Math.max(size, y[d]!));
  const stepsOf = (own: readonly number[], matrix: number): number[] => own.map((size, d) => (size === 1 ? 0 : elementCount(own.slice(d + 1)) * matrix));
  const steps = [stepsOf(x, m * k), stepsOf(y, k * n), stepsOf(all, m * n)] as const;
  return { ...base, rows: m, batches: all.flatMap((count, d) => (count === 1 ? [] : [{ count, steps: [steps[0][d]!, steps[1][d]!, steps[2][d]!] as const }])) };
}

function gemmProduct(left: readonly number[], right: readonly number[], attributes: LoweringAttributes): Product {
  const transposed = [attributes.int("transA", 0) !== 0, attributes.int("transB", 0) !== 0] as const;
  const [rows, inner] = transposed[0] ? [left[1]!, left[0]!] : [left[0]!, left[1]!];
  return { rows, inner, columns: transposed[1] ? right[0]! : right[1]!, transposed, alpha: attributes.float("alpha", 1), beta: attributes.float("beta", 1), batches: [] };
}

/** C of Gemm put into the result, repeated along the dimensions in which it has one element. */
function spread(product: Product, bias: Buffer, nameOf: (buffer: Buffer) => string, result: string): string[] {
  const dims = [...new Array<number>(2 - bias.dims.length).fill(1), ...bias.dims];
  const row = dims[0] === 1 ? "" : dims[1] === 1 ? "i" : `i * ${dims[1]}`;
  const place = [row, dims[1] === 1 ? "" : "j"].filter((part) => part !== "").join(" + ") || "0";
  return [
    `for (ptrdiff_t i = 0; i < ${product.rows}; ++i)`,
    `  for (ptrdiff_t j = 0; j < ${product.columns}; ++j) ${result}[i * ${product.columns} + j] = ${nameOf(bias)}[${place}];`,
  ];
}

/** C = alpha A B + beta C by the interface of the BLAS for C (Dongarra et al., "A set of level 3 basic linear algebra subprograms", 1990). */
export const cblas: VendorLibrary = {
  name: "cblas",
  title: "a CBLAS library, such as OpenBLAS",
  header: "cblas.h",
  macro: "GW_CBLAS",
  link: "-lopenblas",
  replaces: ["pack-mat-mul"],
  callOf({ node, attributes, inputs, outputs }) {
    const op = qualifiedOp(node);
    const [left, right, bias] = inputs;
    const [result] = outputs;
    if ((op !== "MatMul" && op !== "Gemm") || !left || !right || !result || [left, right, result].some((buffer) => buffer.element !== "float32")) return undefined;
    const product = op === "Gemm" ? gemmProduct(left.dims, right.dims, attributes) : matMulProduct(left.dims, right.dims);
    if (!product) return undefined;
    const { rows, columns, inner, transposed, alpha, batches } = product;
    // Without elements there is nothing to call for; sizes are ints there.
    if ([rows, columns, inner, ...batches.map((b) => b.count)].some((size) => size === 0 || size > largestInt)) return undefined;
    const beta = bias && product.beta !== 0 ? product.beta : 0;
    return {
      routine: "cblas_sgemm",
      lines(nameOf) {
        const [a, b, y] = [nameOf(left), nameOf(right), nameOf(result)];
        const at = (name: string, which: 0 | 1 | 2): string => [name, ...batches.flatMap(({ steps }, d) => (steps[which] === 0 ? [] : [`batch_${d} * ${steps[which]}`]))].join(" + ");
        const flag = (yes: boolean): string => (yes ? "CblasTrans" : "CblasNoTrans");
        const call = `cblas_sgemm(CblasRowMajor, ${flag(transposed[0])}, ${flag(transposed[1])}, ${rows}, ${columns}, ${inner}, ${cFloat(alpha, "float32")}, ${at(a, 0)}, ${transposed[0] ? rows : inner}, ${at(b, 1)}, ${transposed[1] ? inner : columns}, ${cFloat(beta, "float32")}, ${at(y, 2)}, ${columns});`;
        return [
          ...(bias && beta !== 0 ? spread(product, bias, nameOf, y) : []),
          ...batches.map(({ count }, d) => `${"  ".repeat(d)}for (ptrdiff_t batch_${d} = 0; batch_${d} < ${count}; ++batch_${d})`),
          `${"  ".repeat(batches.length)}${call}`,
        ];
      },
    };
  },
};

/** One line adds a library. */
export const vendorLibraries: readonly VendorLibrary[] = [cblas];

/** Throws "no-such-library". */
export function findLibrary(name: string): VendorLibrary {
  const library = vendorLibraries.find((l) => l.name === name);
  if (library) return library;
  throw new GraphwrightError("no-such-library", `there is no library ${JSON.stringify(name)}.`, undefined, `There is: ${vendorLibraries.map((l) => l.name).join(", ")}.`);
}
