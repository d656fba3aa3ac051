import { describe, expect, test } from "vitest";
import type { RewriteOptions } from "../../src/passes/definition.ts";
import { adversarialFeeds, type Feeds, judge, modelOf, optimize } from "./judge.ts";

export interface Case {
  readonly title: string;
  /** signature and body; the outputs are returned by name */
  readonly inputs: string;
  readonly outputs: string;
  readonly body: string;
  readonly opset?: number;
  /** rewrites that must be applied, for the safe neighbour of a trap */
  readonly fires?: readonly string[];
  /** rewrites that must not be applied */
  readonly spares?: readonly string[];
  readonly feeds?: readonly Feeds[];
}

export interface Reach {
  /** whether inputs hold NaN and infinities; not where the judge itself treats NaN now so, now so */
  readonly special?: boolean;
  readonly pipeline?: string;
  readonly options?: Partial<RewriteOptions>;
  /** share of the largest output by which outputs may differ */
  readonly tolerance?: number;
  /** by how much integers may differ */
  readonly steps?: number;
}

const names = (list: string): string => list.match(/%\w+/g)!.join(", ");
export const source = ({ inputs, outputs, body }: Case): string => `graph @main(${inputs}) -> (${outputs}) { ${body} return ${names(outputs)} }`;

/** A block of cases: the default pipeline runs on the model as a file has it, and ONNX Runtime says whether the outputs are still the same. */
export function holds(title: string, cases: readonly Case[], { special = true, pipeline = "default", options = {}, tolerance, steps }: Reach = {}): void {
  describe(title, () => {
    test.each(cases.map((each) => [each.title, each] as const))("%s", async (_, each) => {
      const { bytes, graph } = modelOf(source(each), each.opset ?? 17);
      const result = await optimize(graph, options, pipeline);
      for (const name of each.fires ?? []) expect(Object.keys(result.applied)).toContain(name);
      for (const name of each.spares ?? []) expect(Object.keys(result.applied)).not.toContain(name);
      const judged = await judge(bytes, result.graph, [...(each.feeds ?? []), ...adversarialFeeds(graph, special ? undefined : ["normal", "ties", "wide"])], tolerance, steps);
      expect(judged.problem).toBeUndefined();
      expect(judged.runs).toBeGreaterThan(2);
    });
  });
}
