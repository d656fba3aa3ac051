import { describe, expect, test } from "vitest";
import { lessons } from "../src/lessons/index.ts";
import * as act from "../src/state/actions.ts";
import { startLesson } from "../src/state/lesson.ts";
import { useStore } from "../src/state/store.ts";
import { exampleFile, testWindow } from "./session.ts";

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

test("a lesson chosen before the host has told its examples waits for them", async () => {
  const window = testWindow();
  try {
    await act.start();
    useStore.setState({ examples: null });
    const started = startLesson("dead-code");
    const model = exampleFile();
    useStore.setState({ examples: [{ name: "digits", files: [], models: [{ ...model, name: "digits.onnx" }] }] as never });
    await started;
    expect(useStore.getState().notices).toEqual([]);
    expect(useStore.getState().lesson?.id).toBe("dead-code");
  } finally {
    window.close();
  }
});
