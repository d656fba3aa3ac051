import { nest, store } from "../../tensor/build.ts";
import { add, integer, load, mul } from "../../tensor/expression.ts";
import type { Lowering } from "../../tensor/lowering.ts";
import { parseEquation } from "./einsum.ts";
import { inputOf, notLowered, outputOf, zero } from "./lower-common.ts";

/** One nest: the labels of the result are spatial axes, the others are summed; a repeated label is a diagonal. */
export const einsumLowering: Lowering = {
  build(context) {
    const inputs = context.inputs.map((_, i) => inputOf(context, i));
    const y = outputOf(context);
    const plan = parseEquation(context.attributes.string("equation"), inputs.map((b) => b.dims.length));
    if (!plan) throw notLowered(context, "its equation cannot be read");
    const sizes = new Map<string, number>();
    for (const [i, labels] of plan.operands.entries()) for (const [d, label] of labels.entries()) sizes.set(label, Math.max(sizes.get(label) ?? 1, inputs[i]!.dims[d]!));
    const labels = [...plan.output, ...[...sizes.keys()].filter((l) => !plan.output.includes(l))];
    const name = (label: string): string => (/[0-9]/.test(label) ? `b${label}` : /[A-Z]/.test(label) ? `u${label.toLowerCase()}` : label);
    const axes = labels.map((label, i) => ({ name: name(label), extent: sizes.get(label)!, ...(i < plan.output.length ? {} : { kind: "reduce" as const }) }));
    const product = (v: Parameters<Parameters<typeof nest>[2]>[0]) =>
      inputs.map((b, i) => load(b, plan.operands[i]!.map((label, d) => (b.dims[d] === 1 ? integer(0) : v[labels.indexOf(label)]!)))).reduce<ReturnType<typeof load> | ReturnType<typeof mul>>((a, e, i) => (i === 0 ? e : mul(a, e)), integer(1));
    const out = plan.output.length;
    if (labels.length === out) return nest("einsum", axes, (v) => store(y, v, product(v)));
    return nest(
      "einsum",
      axes,
      (v) => store(y, v.slice(0, out), add(load(y, v.slice(0, out)), product(v))),
      (v) => store(y, v.slice(0, out), zero(y.element)),
    );
  },
};
