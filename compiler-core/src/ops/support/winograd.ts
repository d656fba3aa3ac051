/**
 * Minimal filtering F(m, r) in two dimensions (Winograd 1980; Lavin and Gray 2016): tiles of m x m outputs by one product for each
 * transformed place instead of 9 for each output, Y = A' [(G g G') * (B' d B)] A.
 * Stride 1: F(m, 3), (m + 2) x (m + 2) places, with the points 0, 1, -1 (and 2, -2 for m = 4) and infinity.
 * Stride 2: along each side the even inputs meet two taps, F(m, 2) with the points 0, 1 (0, 1, -1, 2 for m = 4) and infinity; the odd
 * ones meet the tap between them, m places that share its filter.
 */
export interface Winograd {
  readonly outputs: 2 | 4;
  readonly stride: 1 | 2;
  /** transformed places along one side: as many as a tile has inputs */
  readonly size: number;
  /** of them those at points, each with filters of its own; the others share the filters after those */
  readonly points: number;
  /** filters along one side */
  readonly filters: number;
  /** B', size x size */
  readonly input: readonly (readonly number[])[];
  /** G, filters x 3 */
  readonly filter: readonly (readonly number[])[];
  /** A', outputs x size */
  readonly output: readonly (readonly number[])[];
}

const byPoints = (outputs: 2 | 4, input: Winograd["input"], filter: Winograd["filter"], output: Winograd["output"]): Winograd => ({ outputs, stride: 1, size: input.length, points: input.length, filters: input.length, input, filter, output });

/** F(m, 2) on the even inputs, the odd ones as they are. */
function evenAndOdd(outputs: 2 | 4, input: readonly (readonly number[])[], filter: readonly (readonly [number, number])[], output: readonly (readonly number[])[]): Winograd {
  const points = input.length;
  const size = points + outputs;
  const unit = (length: number, at: number): number[] => Array.from({ length }, (_, i) => (i === at ? 1 : 0));
  return {
    outputs,
    stride: 2,
    size,
    points,
    filters: points + 1,
    input: [...input.map((row) => Array.from({ length: size }, (_, i) => (i % 2 === 0 ? row[i / 2]! : 0))), ...Array.from({ length: outputs }, (_, i) => unit(size, 2 * i + 1))],
    filter: [...filter.map(([first, last]) => [first, 0, last]), [0, 1, 0]],
    output: output.map((row, i) => [...row, ...unit(outputs, i)]),
  };
}

const f23 = byPoints(2, [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]], [[1, 1, 1, 0], [0, 1, -1, -1]]);

const f43 = byPoints(
  4,
  [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
  [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
  [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
);

const f22 = evenAndOdd(2, [[1, -1, 0], [0, 1, 0], [0, -1, 1]], [[1, 0], [1, 1], [0, 1]], [[1, 1, 0], [0, 1, 1]]);

const f42 = evenAndOdd(
  4,
  [[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]],
  [[1 / 2, 0], [-1 / 2, -1 / 2], [-1 / 6, 1 / 6], [1 / 6, 1 / 3], [0, 1]],
  [[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 0], [0, 1, -1, 8, 1]],
);

export const winogradOf = (outputs: number, stride = 1): Winograd => (stride === 2 ? (outputs === 2 ? f22 : f42) : outputs === 2 ? f23 : f43);

/** The inputs along one side that so many outputs need, in whole tiles. */
export const inputsNeeded = ({ outputs, stride, size }: Winograd, extent: number): number => stride * outputs * (Math.ceil(extent / outputs) - 1) + size;

/** Strips of rows of tiles: `groups` times `strips` of them, each of `rows` rows, whose values stay in a core's second cache. */
export interface Strips {
  /** each with memory of its own, so that threads can share the groups */
  readonly groups: number;
  readonly strips: number;
  readonly rows: number;
}

/** What a core's second cache holds, in bytes. */
export interface SecondCache {
  /** transformed values and products of all tiles: no strips up to here */
  readonly all: number;
  /** those of one strip: they share the cache with the filters */
  readonly strip: number;
}

export const secondCache: SecondCache = { all: 1 << 20, strip: 1 << 19 };

/** Fewer tiles than this do not fill the register tiles of the product. */
export const fewestTiles = 12;
/** Strips are shared out among so many threads where their number allows. */
const wantedGroups = 4;

/** Bytes of the transformed values and products of so many tiles. */
export const winogradBytes = (size: number, tiles: number, inputs: number, features: number): number => 4 * size ** 2 * tiles * (inputs + features);

/**
 * The strips in which an image is convolved: as wide as it is, of whole tiles, and as high as the second cache allows; undefined where
 * all tiles fit there, or where filters read again for each strip cost more than is won.
 */
export function winogradStrips({ outputs, size, filters: sides }: Winograd, { height, width, inputs, features }: { readonly height: number; readonly width: number; readonly inputs: number; readonly features: number }, near = secondCache): Strips | undefined {
  const [down, across] = [Math.ceil(height / outputs), Math.ceil(width / outputs)];
  const all = winogradBytes(size, down * across, inputs, features);
  const whole = Math.floor(height / outputs);
  if (all <= near.all || whole < 2) return undefined;
  const most = Math.min(whole >> 1, Math.max(Math.ceil(fewestTiles / across), Math.floor((near.strip * down) / all)));
  // Of the heights between half of what fits and all of it the one that leaves the fewest rows over, and of these the largest.
  let rows = most;
  for (let r = most - 1; 2 * r > most; r--) if (whole % r < whole % rows) rows = r;
  const count = Math.floor(whole / rows);
  const filters = 4 * sides ** 2 * inputs * features;
  if (count * filters > 2 * all) return undefined;
  const groups = [wantedGroups, 3, 2].find((g) => count % g === 0) ?? count;
  return { groups, strips: count / groups, rows };
}

/** Packed filters [Mb, Cb, 3, 3, c, m] transformed: [filters * filters, Mb, Cb, c, m]. Worked out in float64, rounded once. */
export function transformFilters(w: ArrayLike<number>, dims: readonly number[], { filters, filter }: Winograd): { dims: number[]; numbers: Float32Array } {
  const [outer, inner, , , depth, lanes] = dims as [number, number, number, number, number, number];
  const area = depth * lanes;
  const numbers = new Float32Array(filters * filters * outer * inner * area);
  const half = new Float64Array(filters * 3);
  for (let block = 0; block < outer * inner; block++)
    for (let e = 0; e < area; e++) {
      const at = block * 9 * area + e;
      for (let a = 0; a < filters; a++) for (let j = 0; j < 3; j++) half[a * 3 + j] = filter[a]![0]! * w[at + j * area]! + filter[a]![1]! * w[at + (3 + j) * area]! + filter[a]![2]! * w[at + (6 + j) * area]!;
      for (let a = 0; a < filters; a++)
        for (let b = 0; b < filters; b++)
          numbers[((a * filters + b) * outer * inner + block) * area + e] = half[a * 3]! * filter[b]![0]! + half[a * 3 + 1]! * filter[b]![1]! + half[a * 3 + 2]! * filter[b]![2]!;
    }
  return { dims: [filters * filters, outer, inner, depth, lanes], numbers };
}

/** The convolution on blocks as kernels do it: transforms and products rounded to float32. */
export function winogradConvolve(
  x: ArrayLike<number>,
  xDims: readonly number[],
  u: ArrayLike<number>,
  uDims: readonly number[],
  bias: ArrayLike<number> | undefined,
  [height, width]: readonly [number, number],
  { outputs, stride, size, points, filters, input, output }: Winograd,
): { dims: number[]; numbers: Float32Array } {
  const [batch, inner, rows, columns, depth] = xDims as [number, number, number, number, number];
  const [, outer, , , lanes] = uDims as [number, number, number, number, number];
  const y = new Float32Array(batch * outer * height * width * lanes);
  const channels = inner * depth;
  const features = outer * lanes;
  const v = new Float32Array(size * size * channels);
  const products = new Float32Array(size * size * features);
  const half = new Float32Array(size * size);
  const set = (e: number): number => Math.min(points, Math.floor(e / size)) * filters + Math.min(points, e % size);
  for (let n = 0; n < batch; n++)
    for (let top = 0; top < height; top += outputs)
      for (let left = 0; left < width; left += outputs) {
        for (let c = 0; c < channels; c++) {
          const from = (n * inner + Math.floor(c / depth)) * rows;
          for (let a = 0; a < size; a++)
            for (let j = 0; j < size; j++) {
              let sum = 0;
              for (let i = 0; i < size; i++) sum += input[a]![i]! * x[((from + top * stride + i) * columns + left * stride + j) * depth + (c % depth)]!;
              half[a * size + j] = sum;
            }
          for (let a = 0; a < size; a++)
            for (let b = 0; b < size; b++) {
              let sum = 0;
              for (let j = 0; j < size; j++) sum += input[b]![j]! * half[a * size + j]!;
              v[(a * size + b) * channels + c] = sum;
            }
        }
        products.fill(0);
        for (let e = 0; e < size * size; e++)
          for (let ob = 0; ob < outer; ob++)
            for (let c = 0; c < channels; c++) {
              const element = v[e * channels + c]!;
              const at = ((set(e) * outer + ob) * channels + c) * lanes;
              for (let l = 0; l < lanes; l++) products[e * features + ob * lanes + l]! += element * u[at + l]!;
            }
        for (let m = 0; m < features; m++) {
          const to = (n * outer + Math.floor(m / lanes)) * height;
          for (let a = 0; a < outputs; a++)
            for (let j = 0; j < size; j++) {
              let sum = 0;
              for (let i = 0; i < size; i++) sum += output[a]![i]! * products[(i * size + j) * features + m]!;
              half[a * size + j] = sum;
            }
          for (let a = 0; a < outputs && top + a < height; a++)
            for (let b = 0; b < outputs && left + b < width; b++) {
              let sum = bias ? bias[m]! : 0;
              for (let j = 0; j < size; j++) sum += output[b]![j]! * half[a * size + j]!;
              y[((to + top + a) * width + left + b) * lanes + (m % lanes)] = sum;
            }
        }
      }
  return { dims: [batch, outer, height, width, lanes], numbers: y };
}
