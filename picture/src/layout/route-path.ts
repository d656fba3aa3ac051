/** Curves through a route's points: straight where the points are above each other, else an S with vertical ends. */

const round = (value: number): number => Math.round(value * 10) / 10;

/** SVG path data for points start .. end (in points, not coordinates). */
export function routePath(points: Float64Array, start: number, end: number): string {
  if (end - start < 2) return "";
  let d = `M${round(points[start * 2]!)} ${round(points[start * 2 + 1]!)}`;
  for (let i = start + 1; i < end; i++) {
    const px = points[i * 2 - 2]!;
    const py = points[i * 2 - 1]!;
    const x = points[i * 2]!;
    const y = points[i * 2 + 1]!;
    if (Math.abs(px - x) < 0.75) d += `L${round(x)} ${round(y)}`;
    else {
      const bend = (y - py) * 0.5;
      d += `C${round(px)} ${round(py + bend)} ${round(x)} ${round(y - bend)} ${round(x)} ${round(y)}`;
    }
  }
  return d;
}

/** Point on the route at its first or last vertical stretch: where a label or a mark fits. */
export function sampleRoute(points: Float64Array, start: number, end: number, at: "start" | "end"): { x: number; y: number } {
  const i = at === "start" ? start : end - 1;
  return { x: points[i * 2]!, y: points[i * 2 + 1]! };
}
