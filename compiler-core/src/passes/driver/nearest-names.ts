/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

/** The names that a misspelled one may have meant, the nearest first; none when none is close. */
export function closeNames(name: string, known: Iterable<string>): readonly string[] {
  return [...known]
    .map((each) => ({ each, distance: each.includes(name) && name.length > 2 ? 1 : distance(name.toLowerCase(), each.toLowerCase()) }))
    .filter((entry) => entry.distance <= Math.max(2, name.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map((entry) => entry.each);
}

/** A sentence with the names that a misspelled one may have meant, or all of them when none is close. */
export function nearestNames(name: string, known: Iterable<string>): string {
  const all = [...known];
  const close = closeNames(name, all);
  return close.length > 0 ? `Did you mean ${close.join(", ")}?` : `There are: ${all.join(", ")}.`;
}
