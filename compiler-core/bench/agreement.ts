/** The largest difference of two outputs as a part of the largest expected value; Infinity where one is not a number. */
export function shareOfLargest(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(Number(expected[i]) - actual[i]!);
    worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(Number(expected[i])));
  }
  return worst / Math.max(largest, 1e-30);
}
