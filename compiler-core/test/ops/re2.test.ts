import { expect, test } from "vitest";
import { fullMatch } from "../../src/ops/support/re2.ts";

test.each([
  ["a+b", "aab", true],
  ["a+b", "xaab", false],
  ["a|ab", "ab", true],
  ["(?i)ab", "AB", true],
  ["(?s)a.b", "a\nb", true],
  ["a.b", "a\nb", false],
  ["(?m)a$\\n^b", "a\nb", true],
  ["[[:digit:]x]+", "1x2", true],
  ["\\pL\\p{Greek}", "aβ", true],
  ["\\Qa.b\\E", "axb", false],
  ["a\\@b\\-", "a@b-", true],
  ["a{,2}", "a{,2}", true],
  ["(?P<year>\\d{4})", "2024", true],
  ["\\s", "\u00a0", false],
])("%s on %j: %s", (pattern, text, matches) => {
  expect(fullMatch(pattern).test(text)).toBe(matches);
});

test.each(["(?=a)", "(?<!a)b", "(a)\\1", "a(?i)b", "\\C", "[a", "(a", "a\\"])("%s is refused", (pattern) => {
  expect(() => fullMatch(pattern)).toThrow(/pattern/);
});
