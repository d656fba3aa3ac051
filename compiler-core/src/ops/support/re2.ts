import { GraphwrightError } from "../../support/diagnostic.ts";

/** POSIX classes of RE2, as the inside of a class. */
const posix: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7f",
  blank: "\\t ",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "\\w",
  xdigit: "0-9A-Fa-f",
};

/**
 * A regular expression of RE2 syntax (https://github.com/google/re2/wiki/Syntax) that matches whole strings, as a
 * JavaScript one. Throws "regex" for what RE2 forbids (look-around, back references) and for the few parts of its
 * syntax that have no counterpart here (flags within the pattern, \C, octal escapes).
 */
export function fullMatch(pattern: string): RegExp {
  const refuse = (what: string): never => {
    throw new GraphwrightError("regex", `the pattern ${JSON.stringify(pattern)} uses ${what}, which is not supported.`);
  };
  let flags = "u";
  let source = pattern;
  const leading = /^\(\?([a-zA-Z]+)\)/.exec(source);
  if (leading) {
    for (const flag of leading[1]!)
      if (flag === "i" || flag === "s" || flag === "m") flags += flag;
      else refuse(`the flag ${flag}`);
    source = source.slice(leading[0].length);
  }
  let out = "";
  let at = 0;
  const escaped = (inClass: boolean): string => {
    const c = source[at + 1];
    if (c === undefined) return refuse("a backslash at its end");
    at += 2;
    if ("dDwWbB".includes(c) && !(inClass && "bB".includes(c))) return `\\${c}`;
    if ("tnrfv".includes(c)) return `\\${c}`;
    switch (c) {
      case "s":
        return inClass ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]";
      case "S":
        return inClass ? refuse("\\S in a class") : "[^\\t\\n\\f\\r ]";
      case "a":
        return "\\x07";
      case "A":
        return "(?<![\\s\\S])";
      case "z":
        return "(?![\\s\\S])";
      case "Q": {
        const end = source.indexOf("\\E", at);
        const literal = source.slice(at, end < 0 ? undefined : end);
        at = end < 0 ? source.length : end + 2;
        return literal.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
      }
      case "x": {
        const code = /^(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(source.slice(at));
        if (!code) return refuse("an incomplete \\x");
        at += code[0].length;
        return `\\u{${code[1] ?? code[2]}}`;
      }
      case "p":
      case "P": {
        const name = /^(?:\{(\^?)(\w+)\}|([A-Z]))/.exec(source.slice(at));
        if (!name) return refuse("an incomplete \\p");
        at += name[0].length;
        const property = name[2] ?? name[3]!;
        const negative = (c === "P") !== (name[1] === "^");
        return `\\${negative ? "P" : "p"}{${property.length > 2 ? `Script=${property}` : property}}`;
      }
    }
    if (/[0-9]/.test(c)) return refuse(`\\${c}`);
    if (/[A-Za-z]/.test(c)) return refuse(`\\${c}`);
    // RE2 lets any punctuation be escaped; JavaScript only what has a meaning.
    return /[\\^$.*+?()[\]{}|/]/.test(c) || (inClass && c === "-") ? `\\${c}` : c;
  };
  const charClass = (): string => {
    let text = "[";
    at++;
    if (source[at] === "^") {
      text += "^";
      at++;
    }
    for (let first = true; ; first = false) {
      const c = source[at];
      if (c === undefined) return refuse("a class without an end");
      if (c === "]" && !first) {
        at++;
        return `${text}]`;
      }
      const named = /^\[:(\^?)(\w+):\]/.exec(source.slice(at));
      if (named) {
        if (named[1] || !posix[named[2]!]) refuse(`the class ${named[0]}`);
        text += posix[named[2]!];
        at += named[0].length;
      } else if (c === "\\") text += escaped(true);
      else {
        const point = String.fromCodePoint(source.codePointAt(at)!);
        text += /[[\](){}/|^]/.test(c) ? `\\${c}` : point;
        at += point.length;
      }
    }
  };
  while (at < source.length) {
    const c = source[at]!;
    if (c === "\\") out += escaped(false);
    else if (c === "[") out += charClass();
    else if (c === "(" && source[at + 1] === "?") {
      const group = /^\(\?(?::|P?<(\w+)>)/.exec(source.slice(at));
      if (!group) refuse(source.startsWith("(?i", at) || /^\(\?[a-z-]+[:)]/.test(source.slice(at)) ? "flags within it" : "look-around");
      out += group![1] ? `(?<${group![1]}>` : "(?:";
      at += group![0].length;
    } else if (c === "{") {
      const count = /^\{\d+(?:,\d*)?\}/.exec(source.slice(at));
      out += count ? count[0] : "\\{";
      at += count ? count[0].length : 1;
    } else if (c === "]" || c === "}") {
      out += `\\${c}`;
      at++;
    } else {
      const point = String.fromCodePoint(source.codePointAt(at)!);
      out += c === "/" ? "\\/" : point;
      at += point.length;
    }
  }
  try {
    // The whole string is held by what can neither precede nor follow: ^ and $ may stand for lines.
    return new RegExp(`(?<![\\s\\S])(?:${out})(?![\\s\\S])`, flags);
  } catch (error) {
    throw new GraphwrightError("regex", `the pattern ${JSON.stringify(pattern)} is not valid: ${(error as Error).message}.`);
  }
}
