/**
 * Minimal filtering F(m, 3) in two dimensions (Winograd 1980; Lavin and Gray 2016): an m x m tile of outputs from
 * (m + 2) x (m + 2) inputs by one product an input instead of 9 an output. Y = A' [(G g G') * (B' d B)] A with the
 * points 0, 1, -1 (and 2, -2 for m = 4) and infinity.
 */
export interface Winograd {
  readonly outputs: 2 | 4;
  /** inputs along one side */
  readonly size: number;
  /** B', size x size */
  readonly input: readonly (readonly number[])[];
  /** G, size x 3 */
  readonly filter: readonly (readonly number[])[];
  /** A', outputs x size */
  readonly output: readonly (readonly number[])[];
}

const f23: Winograd = {
  outputs: 2,
  size: 4,
  input: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
  filter: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
  output: [[1, 1, 1, 0], [0, 1, -1, -1]],
};

const f43: Winograd = {
  outputs: 4,
  size: 6,
  input: [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
  filter: [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
  output: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
};

export const winogradOf = (outputs: number): Winograd => (outputs === 2 ? f23 : f43);

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
export function winogradStrips({ outputs, height, width, inputs, features }: { readonly outputs: number; readonly height: number; readonly width: number; readonly inputs: number; readonly features: number }, near = secondCache): Strips | undefined {
  const size = outputs + 2;
  const [down, across] = [Math.ceil(height / outputs), Math.ceil(width / outputs)];
  const all = winogradBytes(size, down * across, inputs, features);
  const whole = Math.floor(height / outputs);
  if (all <= near.all || whole < 2) return undefined;
  const most = Math.min(whole >> 1, Math.max(Math.ceil(fewestTiles / across), Math.floor((near.strip * down) / all)));
  // Of the heights between half of what fits and all of it the one that leaves the fewest rows over, and of these the largest.
  let rows = most;
  for (let r = most - 1; 2 * r > most; r--) if (whole % r < whole % rows) rows = r;
  const count = Math.floor(whole / rows);
  const filters = 4 * size ** 2 * inputs * features;
  if (count * filters > 3 * all) return undefined;
  const groups = [wantedGroups, 2, 3].find((g) => count % g === 0) ?? count;
  return { groups, strips: count / groups, rows };
}

/** Packed filters [Mb, Cb, 3, 3, c, m] transformed: [size * size, Mb, Cb, c, m]. Worked out in float64, rounded once. */
export function transformFilters(w: ArrayLike<number>, dims: readonly number[], { size, filter }: Winograd): { dims: number[]; numbers: Float32Array } {
  const [outer, inner, , , depth, lanes] = dims as [number, number, number, number, number, number];
  const area = depth * lanes;
  const numbers = new Float32Array(size * size * outer * inner * area);
  const half = new Float64Array(size * 3);
  for (let block = 0; block < outer * inner; block++)
    for (let e = 0; e < area; e++) {
      const at = block * 9 * area + e;
      for (let a = 0; a < size; a++) for (let j = 0; j < 3; j++) half[a * 3 + j] = filter[a]![0]! * w[at + j * area]! + filter[a]![1]! * w[at + (3 + j) * area]! + filter[a]![2]! * w[at + (6 + j) * area]!;
      for (let a = 0; a < size; a++)
        for (let b = 0; b < size; b++)
          numbers[((a * size + b) * outer * inner + block) * area + e] = half[a * 3]! * filter[b]![0]! + half[a * 3 + 1]! * filter[b]![1]! + half[a * 3 + 2]! * filter[b]![2]!;
    }
  return { dims: [size * size, outer, inner, depth, lanes], numbers };
}

/** The convolution on blocks as kernels do it: transforms and products rounded to float32. */
export function winogradConvolve(
  x: ArrayLike<number>,
  xDims: readonly number[],
  u: ArrayLike<number>,
  uDims: readonly number[],
  bias: ArrayLike<number> | undefined,
  [height, width]: readonly [number, number],
  { outputs, size, input, output }: Winograd,
): { dims: number[]; numbers: Float32Array } {
  const [batch, inner, rows, columns, depth] = xDims as [number, number, number, number, number];
  const [, outer, , , lanes] = uDims as [number, number, number, number, number];
  const y = new Float32Array(batch * outer * height * width * lanes);
  const channels = inner * depth;
  const features = outer * lanes;
  const v = new Float32Array(size * size * channels);
  const products = new Float32Array(size * size * features);
  const half = new Float32Array(size * size);
  for (let n = 0; n < batch; n++)
    for (let top = 0; top < height; top += outputs)
      for (let left = 0; left < width; left += outputs) {
        for (let c = 0; c < channels; c++) {
          const from = (n * inner + Math.floor(c / depth)) * rows;
          for (let a = 0; a < size; a++)
            for (let j = 0; j < size; j++) {
              let sum = 0;
              for (let i = 0; i < size; i++) sum += input[a]![i]! * x[((from + top + i) * columns + left + j) * depth + (c % depth)]!;
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
              const at = ((e * outer + ob) * channels + c) * lanes;
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
