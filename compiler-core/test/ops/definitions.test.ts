import { describe, expect, test } from "vitest";
import { findOperator, operators, type OperatorDefinition, type ParameterInfo } from "../../src/ops/index.ts";

const label = ({ domain, op }: OperatorDefinition): string => `${domain || "ai.onnx"}.${op}`;

describe("operator definitions", () => {
  test.each(operators.map((definition) => [label(definition), definition] as const))("%s is sound", (_name, definition) => {
    const since = definition.versions.map((version) => version.since);
    expect(since.length).toBeGreaterThan(0);
    expect(since).toEqual([...new Set(since)].sort((a, b) => a - b));
    expect(definition.summary).toMatch(/^[A-Z0-9ex].*\.$/);
    const described: readonly ParameterInfo[] = [...definition.inputs, ...definition.outputs];
    for (const { name, type, doc } of described) {
      expect(`${name}: ${doc}`).not.toBe(`${name}: `);
      expect(type === "any" || type in (definition.types ?? {}) || /^(tensor|seq|map|optional)\(/.test(type)).toBe(true);
    }
    for (const info of Object.values(definition.attributes ?? {})) {
      expect(info.doc).not.toBe("");
      if (info.fallback === undefined) continue;
      const kind = { int: "number", float: "number", string: "string" }[info.kind as string] ?? "object";
      expect(typeof info.fallback === "bigint" ? "number" : typeof info.fallback).toBe(kind);
    }
    // Only the last formal input may be variadic.
    expect(definition.inputs.slice(0, -1).every((p) => p.presence !== "variadic")).toBe(true);
  });

  test("the standard's domain has two spellings", () => {
    expect(findOperator("ai.onnx", "Conv")).toBe(findOperator("", "Conv"));
    expect(findOperator("com.acme", "Conv")).toBeUndefined();
  });
});
