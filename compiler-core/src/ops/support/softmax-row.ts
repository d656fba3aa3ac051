/**
 * Softmax of one row in place; `round` is applied after each step, and with `roundsSums` after each addition (as
 * bfloat16 is summed). A row of minus infinities becomes zeros.
 */
export function softmaxRow(row: Float64Array, round: (x: number) => number, roundsSums = false): void {
  let top = -Infinity;
  for (let j = 0; j < row.length; j++) if (row[j]! > top || Number.isNaN(row[j]!)) top = row[j]!;
  if (top === -Infinity) {
    row.fill(0);
    return;
  }
  let sum = 0;
  for (let j = 0; j < row.length; j++) {
    row[j] = round(Math.exp(round(row[j]! - top)));
    sum = roundsSums ? round(sum + row[j]!) : sum + row[j]!;
  }
  sum = round(sum);
  for (let j = 0; j < row.length; j++) row[j] = round(row[j]! / sum);
}
