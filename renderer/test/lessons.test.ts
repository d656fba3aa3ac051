import { describe, expect, test } from "vitest";
import { lessons } from "../src/lessons/index.ts";

describe.each(lessons.map((lesson) => [lesson.id, lesson] as const))("lesson %s", (_, lesson) => {
  test("every step has a text in both languages, and nothing else has", () => {
    for (const text of Object.values(lesson.texts)) expect(Object.keys(text.steps).sort()).toEqual(lesson.steps.map((step) => step.id).sort());
  });
  test("predictions have an answer among their choices, equally many in both languages, and a reveal", () => {
    for (const step of lesson.steps) {
      const [en, zh] = [lesson.texts.en.steps[step.id]!, lesson.texts["zh-CN"].steps[step.id]!];
      expect(zh.choices?.length).toBe(en.choices?.length);
      expect(en.choices !== undefined).toBe(step.kind === "predict");
      expect(zh.reveal !== undefined).toBe(en.reveal !== undefined);
      if (step.kind !== "predict") continue;
      expect(en.choices![step.answer]).toBeDefined();
      expect(en.reveal).toBeDefined();
    }
  });
});

test("ids are unique, and there are at least five", () => {
  expect(new Set(lessons.map((lesson) => lesson.id)).size).toBe(lessons.length);
  expect(lessons.length).toBeGreaterThanOrEqual(5);
});
