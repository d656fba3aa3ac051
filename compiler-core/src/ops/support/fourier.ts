/** Discrete Fourier transforms of any length, in float64, of separate real and imaginary parts, in place. */

/** Twiddle factors exp(-2 pi i k / n) for k < n. */
function twiddles(n: number): { cos: Float64Array; sin: Float64Array } {
  const cos = new Float64Array(n);
  const sin = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    cos[k] = Math.cos((2 * Math.PI * k) / n);
    sin[k] = -Math.sin((2 * Math.PI * k) / n);
  }
  return { cos, sin };
}

/** Iterative radix-2 transform (Cooley and Tukey 1965); the length is a power of two. */
function powerOfTwo(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
  const { cos, sin } = twiddles(n);
  for (let half = 1; half < n; half *= 2) {
    const step = n / (2 * half);
    for (let start = 0; start < n; start += 2 * half)
      for (let k = 0; k < half; k++) {
        const a = start + k;
        const b = a + half;
        const c = cos[k * step]!;
        const s = sin[k * step]!;
        const x = re[b]! * c - im[b]! * s;
        const y = re[b]! * s + im[b]! * c;
        re[b] = re[a]! - x;
        im[b] = im[a]! - y;
        re[a]! += x;
        im[a]! += y;
      }
  }
}

/** Any length by a convolution of a power-of-two length (Bluestein 1970). */
function anyLength(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  let size = 1;
  while (size < 2 * n - 1) size *= 2;
  const cos = new Float64Array(n);
  const sin = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    // k * k mod 2n keeps the angle exact for long signals.
    const angle = (Math.PI * ((k * k) % (2 * n))) / n;
    cos[k] = Math.cos(angle);
    sin[k] = Math.sin(angle);
  }
  const aRe = new Float64Array(size);
  const aIm = new Float64Array(size);
  const bRe = new Float64Array(size);
  const bIm = new Float64Array(size);
  for (let k = 0; k < n; k++) {
    aRe[k] = re[k]! * cos[k]! + im[k]! * sin[k]!;
    aIm[k] = im[k]! * cos[k]! - re[k]! * sin[k]!;
    bRe[k] = cos[k]!;
    bIm[k] = sin[k]!;
    if (k > 0) {
      bRe[size - k] = cos[k]!;
      bIm[size - k] = sin[k]!;
    }
  }
  powerOfTwo(aRe, aIm);
  powerOfTwo(bRe, bIm);
  // The inverse transform is the forward one of the conjugate.
  for (let i = 0; i < size; i++) {
    const x = aRe[i]! * bRe[i]! - aIm[i]! * bIm[i]!;
    const y = aRe[i]! * bIm[i]! + aIm[i]! * bRe[i]!;
    aRe[i] = x;
    aIm[i] = -y;
  }
  powerOfTwo(aRe, aIm);
  for (let k = 0; k < n; k++) {
    const x = aRe[k]! / size;
    const y = -aIm[k]! / size;
    re[k] = x * cos[k]! + y * sin[k]!;
    im[k] = y * cos[k]! - x * sin[k]!;
  }
}

/** By the definition: for short signals of odd lengths this is the most exact. */
function byDefinition(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  const { cos, sin } = twiddles(n);
  const x = re.slice();
  const y = im.slice();
  for (let k = 0; k < n; k++) {
    let sumRe = 0;
    let sumIm = 0;
    for (let t = 0; t < n; t++) {
      const at = (k * t) % n;
      sumRe += x[t]! * cos[at]! - y[t]! * sin[at]!;
      sumIm += x[t]! * sin[at]! + y[t]! * cos[at]!;
    }
    re[k] = sumRe;
    im[k] = sumIm;
  }
}

/** X[k] = sum over t of x[t] exp(-2 pi i k t / n); the inverse has the other sign and the factor 1 / n. */
export function fourierTransform(re: Float64Array, im: Float64Array, inverse = false): void {
  const n = re.length;
  if (n < 2) return;
  if (inverse) for (let i = 0; i < n; i++) im[i] = -im[i]!;
  if ((n & (n - 1)) === 0) powerOfTwo(re, im);
  else if (n <= 64) byDefinition(re, im);
  else anyLength(re, im);
  if (inverse)
    for (let i = 0; i < n; i++) {
      re[i]! /= n;
      im[i] = -im[i]! / n;
    }
}

/** FLOPs of one transform, by the usual count of 5 n log2 n. */
export const fourierFlops = (n: number): number => (n < 2 ? 0 : Math.round(5 * n * Math.log2(n)));
