import type { ElementType } from "../../ir/element-type.ts";

/** First IR version that an operator set of ai.onnx was released with (the specification's table of versions). */
const byOpset: readonly (readonly [opset: number, irVersion: number])[] = [
  [28, 14],
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [12, 7],
  [11, 6],
  [10, 5],
  [9, 4],
  [1, 3],
];

export const irVersionForOpset = (opset: number): number => byOpset.find(([since]) => opset >= since)?.[1] ?? 3;

/** First IR version that has an element type. */
const byElement: Partial<Record<ElementType, number>> = {
  bfloat16: 4,
  float8e4m3fn: 9,
  float8e4m3fnuz: 9,
  float8e5m2: 9,
  float8e5m2fnuz: 9,
  int4: 10,
  uint4: 10,
  float4e2m1: 11,
  float8e8m0: 12,
  int2: 13,
  uint2: 13,
};

export const irVersionForElement = (element: ElementType | null): number => (element === null ? 3 : (byElement[element] ?? 3));
