/** Weights and flat offsets of the corners around a point, for N-linear interpolation; corners outside are left out. */
export function linearCorners(point: readonly number[], dims: readonly number[], visit: (offset: number, weight: number) => void): void {
  const rank = dims.length;
  const base = point.map(Math.floor);
  for (let corner = 0; corner < 1 << rank; corner++) {
    let offset = 0;
    let weight = 1;
    for (let d = 0; d < rank && weight !== 0; d++) {
      const up = (corner >> d) & 1;
      const at = base[d]! + up;
      const part = point[d]! - base[d]!;
      weight = at < 0 || at >= dims[d]! ? 0 : weight * (up ? part : 1 - part);
      offset = offset * dims[d]! + at;
    }
    if (weight !== 0) visit(offset, weight);
  }
}

/** Keys's cubic filter with parameter a (Keys 1981, equation 4). */
export function cubicKernel(distance: number, a: number): number {
  const t = Math.abs(distance);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((t - 5) * t + 8) * t * a - 4 * a : 0;
}
