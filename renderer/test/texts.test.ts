import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createSession, silentTask } from "@graphwright/compiler-core";
import ts from "typescript";
import { catalogIn, messageIn, noteIn } from "../src/i18n/compiler.ts";
import { messagesZh } from "../src/i18n/messages-zh-cn.ts";
import { passesZh, pipelinesZh, rewritesZh } from "../src/i18n/compiler-zh-cn.ts";
import { operatorDocsZh } from "../src/i18n/operator-docs-zh-cn.ts";
import { operatorsZh } from "../src/i18n/operators-zh-cn.ts";
import { conditionsZh } from "../src/i18n/conditions-zh-cn.ts";
import { en } from "../src/i18n/en.ts";
import { resolveLanguage } from "../src/i18n/index.ts";
import { zhCN } from "../src/i18n/zh-cn.ts";

type Table = { readonly [key: string]: string | Table };
const flat = (table: Table, prefix = ""): ReadonlyMap<string, string> =>
  new Map(Object.entries(table).flatMap(([key, value]) => (typeof value === "string" ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)])));
const [english, chinese] = [flat(en), flat(zhCN)];
/** Chinese has one plural form: "other". */
const inChinese = [...english.keys()].filter((key) => !key.endsWith("_one"));
const slots = (text: string): string[] => [...text.matchAll(/{{(\w+)}}/g)].map((match) => match[1]!).sort();

describe("texts in both languages", () => {
  test("the same keys", () => {
    expect([...chinese.keys()].sort()).toEqual(inChinese.sort());
  });
  test("the same values put into them", () => {
    for (const key of inChinese) expect([key, slots(chinese.get(key)!)]).toEqual([key, slots(english.get(key)!)]);
  });
  test("nothing empty, and nothing left in English but names", () => {
    for (const [key, text] of chinese) expect(text.trim(), key).not.toBe("");
    const same = inChinese.filter((key) => english.get(key) === chinese.get(key));
    expect(same.sort()).toEqual(["about.host-electron", "cost.flops", "graph.block-of-stack", "graph.heat-flops", "graph.stack", "tensor.nans", "timeline.position"]);
  });
  test("every counted text has both English forms", () => {
    for (const key of english.keys()) if (key.endsWith("_one")) expect(english.has(key.replace(/_one$/, "_other")), key).toBe(true);
  });
  test("every text is used", () => {
    const folder = new URL("../src/", import.meta.url);
    const source = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("i18n/"))
      .map((name) => readFileSync(new URL(name, folder), "utf8"))
      .join("\n");
    const unused = [...english.keys()].map((key) => key.replace(/_(one|other)$/, "")).filter((key) => {
      if (source.includes(`"${key}"`)) return false;
      // Keys put together: t(`mark.${mark}`), t(`check.${verdict}-with`).
      return ![...source.matchAll(/`([\w.-]*)\$\{[^}]*\}([\w.-]*)`/g)].some(([, start, end]) => start!.includes(".") && key.startsWith(start!) && key.endsWith(end!));
    });
    expect(unused).toEqual([]);
  });
});

test("the language is the person's choice, or the first of the system's that there is", () => {
  expect(resolveLanguage("en", ["zh-CN"])).toBe("en");
  expect(resolveLanguage("system", ["fr", "zh-Hans-CN", "en"])).toBe("zh-CN");
  expect(resolveLanguage("system", ["de"])).toBe("en");
});

describe("what the compiler says, in Chinese", () => {
  const hasChinese = (text: string): boolean => /\p{Script=Han}/u.test(text);
  /** Operators, figures and code are the same in both languages. */
  const quoted = (text: string): string[] => [...text.matchAll(/`[^`]+`|\b[A-Z]+[a-z]+(?:[A-Z][a-z]+)+|(?<!\w)\d{2,}/g)].map(([word]) => word).sort();
  /** Names of operators that are written in words, or as another name of the same. */
  const words = new Set(quoted("DequantizeLinears MatMuls BlockChannels UnblockChannels"));

  test("every rewrite, pass, pipeline and condition has its text, and no text is left over", async () => {
    const { rewrites, passes, pipelines } = await createSession().catalog({}, silentTask);
    const names = rewrites.map(({ name }) => name);
    expect(Object.keys(rewritesZh).sort()).toEqual([...names].sort());
    const { operators } = await createSession().operators({ documented: true }, silentTask);
    expect(Object.keys(operatorsZh).sort()).toEqual([...new Set(operators.map(({ summary }) => summary))].sort());
    // Of inputs, outputs and attributes too. Shapes, figures and names of the specification alone are the same in both languages.
    const docs = new Set(operators.flatMap(({ doc, parameterDocs }) => [doc, ...parameterDocs!]));
    expect(Object.keys(operatorDocsZh).filter((doc) => !docs.has(doc))).toEqual([]);
    expect([...docs].filter((doc) => operatorDocsZh[doc] === undefined && /[a-z]{2,}/.test(doc.replace(/\[[^\]]*\]|\bw\[n\].*|\b(cos|coefficients|intercepts)\b/g, "")))).toEqual([]);
    expect(Object.keys(passesZh).sort()).toEqual(passes.map(({ name }) => name).filter((name) => !names.includes(name)).sort());
    expect(Object.keys(pipelinesZh).sort()).toEqual(pipelines.map(({ name }) => name).sort());
    expect(Object.keys(conditionsZh).sort()).toEqual([...new Set(rewrites.flatMap(({ preconditions }) => preconditions.map(({ doc }) => doc)))].sort());
  });
  test("in Chinese, with the operators and figures of the English text", async () => {
    const catalog = await createSession().catalog({}, silentTask);
    const chinese = catalogIn(catalog, "zh-CN");
    for (const kind of ["rewrites", "passes", "pipelines"] as const) {
      for (const [index, { name, summary }] of catalog[kind].entries()) {
        const text = chinese[kind][index]!;
        expect([name, hasChinese(text.summary)]).toEqual([name, true]);
        if (kind !== "passes") for (const word of quoted(summary)) if (!words.has(word)) expect(text.summary, name).toContain(word);
      }
    }
    for (const [english, text] of Object.entries(conditionsZh)) {
      expect([english, hasChinese(text)]).toEqual([english, true]);
      for (const word of quoted(english)) if (!words.has(word)) expect(text, english).toContain(word);
    }
    for (const [index, { name, why }] of catalog.rewrites.entries()) {
      const text = chinese.rewrites[index]!.why;
      expect([name, hasChinese(text)]).toEqual([name, true]);
      for (const word of quoted(why.replace(/[A-Z]\w+ (et al\.|and [A-Z]\w+) \d{4}/g, ""))) if (!words.has(word)) expect(text, name).toContain(word);
    }
    for (const [english, text] of Object.entries(operatorsZh)) {
      expect([english, hasChinese(text) || !/[a-z]{3} [a-z]{3}/i.test(english)]).toEqual([english, true]);
      for (const word of quoted(english)) expect(text, english).toContain(word);
    }
    for (const [english, text] of Object.entries(operatorDocsZh)) {
      expect([english, hasChinese(text) || !/[a-z]{3} [a-z]{2}/i.test(english)]).toEqual([english, true]);
      for (const word of quoted(english.replace(/(?:Source[s]?: )?[A-Z]\w+(?:, \w+)* (?:et al\.|and [A-Z]\w+) \d{4}/g, ""))) if (!words.has(word)) expect(text, english).toContain(word);
    }
    expect(catalogIn(catalog, "en")).toBe(catalog);
  });
});

const textOf = (node: ts.StringLiteralLike | ts.TemplateExpression): string => (ts.isStringLiteralLike(node) ? node.text : node.head.text + node.templateSpans.map(({ literal }) => `{}${literal.text}`).join(""));

/** Texts of the compiler's sources, `{}` for each value: details of conditions, what would enable them, messages and hints of errors. */
function spokenTexts(): ReadonlySet<string> {
  const texts = new Set<string>();
  const take = (node: ts.Node | undefined): void => {
    if (node === undefined) return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) texts.add(textOf(node));
    else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(take);
    else if (ts.isBinaryExpression(node)) [node.left, node.right].forEach(take);
    else if (ts.isArrowFunction(node)) take(node.body);
    else if (ts.isParenthesizedExpression(node)) take(node.expression);
    else if (ts.isBlock(node)) node.statements.forEach(take);
    else if (ts.isReturnStatement(node)) take(node.expression);
    else if (ts.isIfStatement(node)) [node.thenStatement, node.elseStatement].forEach(take);
  };
  const folder = new URL("../../compiler-core/src/", import.meta.url);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((each) => each.endsWith(".ts"))) {
    const source = ts.createSourceFile(name, readFileSync(new URL(name, folder), "utf8"), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && name.startsWith("passes/") && /(^|\.)require$/.test(node.expression.getText(source))) take(node.arguments[2]);
      if (ts.isPropertyAssignment(node) && (node.name.getText(source) === "enable" || (node.name.getText(source) === "detail" && name.startsWith("passes/")))) take(node.initializer);
      // Of the primitives of schedules: what they do, their conditions, and what decided one.
      const ofSchedules = name.startsWith("tensor/schedule/") || name === "session/schedule-step.ts";
      if (ts.isPropertyAssignment(node) && ["summary", "doc"].includes(node.name.getText(source)) && ofSchedules) take(node.initializer);
      if (ts.isCallExpression(node) && ofSchedules && /(^|\.)require$/.test(node.expression.getText(source))) take(node.arguments[2]);
      if (ts.isCallExpression(node) && name === "tensor/transposed-tile.ts" && node.expression.getText(source) === "problem") take(node.arguments[1]);
      // What the importers make diagnostics of; a call by another name, with a code first, has its text second.
      if (ts.isCallExpression(node) && /^importers\//.test(name) && /(^|\.)(damaged|error|warning|warn|info|report|refuse|diagnose)$/.test(node.expression.getText(source)) && node.arguments[0] && ts.isStringLiteralLike(node.arguments[0])) take(node.arguments[1]);
      if (ts.isPropertyAssignment(node) && node.name.getText(source) === "message" && /^(importers|session|bundle|backends)\//.test(name)) take(node.initializer);
      // What is wrong with a rewrite that is being written.
      if (ts.isCallExpression(node) && /^(passes\/custom-syntax|ir\/text-reader)\.ts$/.test(name) && /^this\.(error|errorAt)$/.test(node.expression.getText(source))) take(node.arguments.at(-1));
      // What a bundle says of itself once it is built.
      if (ts.isCallExpression(node) && name.startsWith("bundle/") && node.expression.getText(source) === "notes.push") take(node.arguments[0]);
      // Why a match ends where it does is told by a function of its own.
      if (ts.isReturnStatement(node) && name.startsWith("passes/") && !/^passes\/(check|driver|custom)/.test(name) && node.expression && (ts.isStringLiteralLike(node.expression) || ts.isTemplateExpression(node.expression)) && /[a-z]{2,} [a-z]{2,}/.test(textOf(node.expression))) take(node.expression);
      // Why a group ends, and what decided a condition of a person's own rewrite.
      if (ts.isCallExpression(node) && name.startsWith("passes/") && node.expression.getText(source) === "ended") take(node.arguments[0]);
      if (ts.isCallExpression(node) && /^passes\/custom-/.test(name) && /^(answer|unknown)$/.test(node.expression.getText(source))) take(node.arguments.at(-1));
      // Notes of checks are put together from parts: every text of some words in these files is one.
      if (/^passes\/check(\.ts|\/)/.test(name) && (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) && /[a-z]{2}.* .*[a-z]{2}|^\d \w|^\{\} \w/.test(textOf(node))) take(node);
      // Why a node was left to the reference evaluation.
      if (name === "session/wasm-accelerator.ts") {
        if (ts.isReturnStatement(node) && node.expression && ts.isStringLiteralLike(node.expression)) take(node.expression);
        if (ts.isCallExpression(node) && node.expression.getText(source) === "this.leave") take(node.arguments[1]);
      }
      if (ts.isNewExpression(node) && node.expression.getText(source) === "GraphwrightError") [node.arguments?.[1], node.arguments?.[3]].forEach(take);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return texts;
}

describe("what the compiler says of one place, in Chinese", () => {
  const spoken = spokenTexts();
  /** A text of values and signs, or a formula, is the same in both languages. */
  const worded = [...spoken].filter((text) => /\p{Letter}/u.test(text.replaceAll("{}", "").replace(/\b(x|erf|tanh|sigmoid)\b/g, "")));

  test("every text of the compiler has its Chinese, and none is left over", () => {
    expect(worded.length).toBeGreaterThan(300);
    expect(worded.filter((text) => messagesZh[text] === undefined).sort()).toEqual([]);
    expect(Object.keys(messagesZh).filter((text) => !spoken.has(text))).toEqual([]);
  });
  test("the same values are put in", () => {
    for (const [english, chinese] of Object.entries(messagesZh)) {
      const values = english.split("{}").length - 1;
      expect([english, [...chinese.matchAll(/\{(\d)\}/g)].map(([, index]) => Number(index)).sort()]).toEqual([english, Array.from({ length: values }, (_, index) => index)]);
    }
  });
  test("names and numbers come through, and a text that is not known stays as it is", () => {
    expect(messageIn("the bias \"b\" varies from row to row", "zh-CN")).toBe("偏置 \"b\" 各行不同");
    expect(messageIn("dimension 3 of [1, 2] is not 1 and cannot be removed.", "zh-CN")).toBe("[1, 2] 的维度 3 不是 1，不能移除。");
    expect(messageIn("the input comes from conv1 (Conv)", "zh-CN")).toBe("输入来自 conv1 (Conv)");
    expect(messageIn("conv1 (Conv) and add_3 (Add)", "zh-CN")).toBe("conv1 (Conv) 与 add_3 (Add)");
    expect(messageIn("expected a value, found (", "zh-CN")).toBe("此处应为 value，却是 (");
    expect(messageIn("drop computes something else at y: y: off by 0.5 (12 units in the last place) at [0, 3]. It cannot be saved.", "zh-CN")).toBe("drop 在 y 处算出不同的结果：y[0, 3]：相差 0.5（末位的 12 个单位）。不能保存。");
    expect(messageIn("ranks 3 and unknown", "zh-CN")).toBe("秩 3 与 未知");
    expect(messageIn("nobody wrote of this and that here", "zh-CN")).toBe("nobody wrote of this and that here");
    expect(noteIn("at smaller spatial sizes; y: off by 0.5 (12 units in the last place) at [0, 3]; some zeros change their sign", "zh-CN")).toBe("以较小的空间尺寸；y[0, 3]：相差 0.5（末位的 12 个单位）；有些零改变符号");
    expect(noteIn("could not be evaluated: the type of %x is optional(float32)", "zh-CN")).toBe("无法求值：%x 的类型为 optional(float32)");
    expect(noteIn("y: float32[1, 2] became float32[2, 1]", "zh-CN")).toBe("y：float32[1, 2] 变为 float32[2, 1]");
    expect(noteIn("the outputs differ: a, b and a", "zh-CN")).toBe("输出不同：a, b and a");
    expect(messageIn("the file is empty.", "en")).toBe("the file is empty.");
  });
});

test("no text of the window is written into its source: JSX text and attributes that are read come from the tables", () => {
  const read = new Set(["aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "title", "placeholder", "alt", "label", "note"]);
  /** Names are the same in every language. */
  const same = /^(Graphwright|Apache-2\.0|\.onnx|en|中文)$/;
  const found: string[] = [];
  const folder = new URL("../src/", import.meta.url);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((each) => each.endsWith(".tsx"))) {
    const source = ts.createSourceFile(name, readFileSync(new URL(name, folder), "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
    const note = (node: ts.Node, text: string): void => {
      if (/\p{Letter}{2}/u.test(text) && !same.test(text.trim())) found.push(`${name}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}: ${text.trim()}`);
    };
    const literals = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node)) note(node, node.text);
      else if (ts.isTemplateExpression(node)) [node.head, ...node.templateSpans.map(({ literal }) => literal)].forEach((part) => note(node, part.text));
      else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(literals);
      else if (ts.isBinaryExpression(node) && [ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.AmpersandAmpersandToken].includes(node.operatorToken.kind)) [node.left, node.right].forEach(literals);
      else if (ts.isParenthesizedExpression(node)) literals(node.expression);
    };
    const visit = (node: ts.Node): void => {
      if (ts.isJsxText(node)) note(node, node.text);
      if (ts.isJsxExpression(node) && node.expression && (ts.isJsxElement(node.parent) || ts.isJsxFragment(node.parent))) literals(node.expression);
      if (ts.isJsxAttribute(node) && read.has(node.name.getText(source)) && node.initializer) literals(ts.isJsxExpression(node.initializer) ? (node.initializer.expression ?? node.initializer) : node.initializer);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  expect(found).toEqual([]);
});
