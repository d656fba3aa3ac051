/** 25,557,032 */
export const count = (value: number): string => value.toLocaleString("en-US");

const scaled = (value: number, base: number, units: readonly string[]): string => {
  let at = 0;
  let size = value;
  while (Math.abs(size) >= base && at < units.length - 1) {
    size /= base;
    at++;
  }
  return `${at === 0 ? size : size.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)} ${units[at]}`;
};

/** 97.5 MB (powers of 1,000) */
export const bytes = (value: number): string => scaled(value, 1000, ["B", "kB", "MB", "GB", "TB"]);

/** 8.18 GFLOP */
export const flops = (value: number): string => scaled(value, 1000, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"]);

/** Columns aligned: the first to the left, numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "number" ? count(cell) : cell)));
  const widths = cells.reduce<number[]>((w, row) => row.map((cell, i) => Math.max(w[i] ?? 0, cell.length)), []);
  return cells.map((row, r) =>
    row
      .map((cell, i) => (typeof rows[r]![i] === "number" ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** 1.2e-7 */
export const error = (value: number): string => (value === 0 ? "0" : value.toPrecision(3));
