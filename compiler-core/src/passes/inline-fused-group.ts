import { defineRewrite } from "./definition.ts";
import { copyRegion } from "./support/inline-region.ts";

export const inlineFusedGroup = defineRewrite({
  name: "inline-fused-group",
  title: "Fused group taken apart",
  summary: "Puts the body of a fused group in its place.",
  why: "Rewrites do not look into groups: kernels are chosen first, then grouped anew with what follows them.",
  exactness: "exact",
  roots: ["graphwright.Fused"],
  preconditions: [{ name: "computed outputs", doc: "Each output of the group is computed in its body, and no two are one value." }],
  match(root, context) {
    const body = root.regions.body;
    if (body === undefined) return undefined;
    const results = context.graph.region(body).outputs.map((o) => o.value);
    const own = results.every((v) => context.graph.node(v.node).kind === "operator") && new Set(results.map((v) => `${v.node}.${v.output}`)).size === results.length;
    return context.require("computed outputs", own, `${results.length} outputs`) ? { nodes: [root.id], bindings: { body } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const body = match.bindings.body as number;
    const region = context.graph.region(body);
    const parameters = new Map(region.parameters.map((p, i) => [p, root.inputs[i]!] as const));
    const inside = copyRegion(rewriter, context, body, root.region, root, new Map(), { parameters });
    for (const [output, { value }] of region.outputs.entries()) {
      const result = inside(value);
      const { name } = root.outputs[output]!;
      rewriter.update(result.node, { outputs: rewriter.node(result.node).outputs.map((o, i) => (i === result.output ? { ...o, name } : o)) });
      rewriter.replaceUses({ node: root.id, output }, result);
    }
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "A product and its activation",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %y = graphwright.Fused(%x, %w) {kind = "Gemm+Relu"} body (%A: float32[N, 2], %B: float32[2, 2]) {
    %c = Gemm(%A, %B)
    %z = Relu(%c)
    return %z
  }
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %c: float32[N, 2] = Gemm(%x, %w)
  %y: float32[N, 2] = Relu(%c)
  return %y
}`,
    },
    ...[
      `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2], %z: float32[N, 2]) {
  %y, %z = graphwright.Fused(%x) {kind = "Relu"} body (%A: float32[N, 2]) {
    %c = Relu(%A)
    return %c, %c
  }
  return %y, %z
}`,
    ].map((text) => ({ title: "One value given out twice", fails: "computed outputs", before: text, after: text })),
  ],
});
