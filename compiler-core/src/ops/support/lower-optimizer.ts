import type { ElementType } from "../../ir/element-type.ts";
import { nest, store } from "../../tensor/build.ts";
import { add, binary, cast, div, integer, load, mul, number, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringAttributes } from "../../tensor/lowering.ts";
import type { Buffer, Expression } from "../../tensor/program.ts";
import { inputOf, notLowered, outputOf, spatialAxes } from "./lower-common.ts";

/** Optimizers: rate and count are scalars at run time; each result of each tensor is a nest of its own. */

interface Setting {
  readonly attributes: LoweringAttributes;
  readonly type: ElementType;
  readonly rate: Expression;
  readonly count: Expression;
  constant(value: number): Expression;
  attribute(name: string): Expression;
}

/** The new tensor and states of one element. */
type Update = (setting: Setting, x: Expression, gradient: Expression, states: readonly Expression[]) => readonly Expression[];

const optimizerLowering = (groups: number, update: Update): Lowering => ({
  build(context) {
    const tensors = (context.inputs.length - 2) / groups;
    if (!Number.isInteger(tensors)) throw notLowered(context, `${context.inputs.length - 2} tensors cannot be divided into ${groups} equal groups`);
    const first = (b: Buffer): Expression => load(b, b.dims.map(() => integer(0)));
    return Array.from({ length: tensors }, (_, i) => {
      const members = Array.from({ length: groups }, (_, g) => inputOf(context, 2 + g * tensors + i));
      const type = members[0]!.element;
      const constant = (value: number): Expression => number(type, value);
      const setting: Setting = {
        attributes: context.attributes,
        type,
        rate: cast(type, first(inputOf(context, 0))),
        count: cast(type, first(inputOf(context, 1))),
        constant,
        attribute: (name) => constant(context.attributes.float(name)),
      };
      return Array.from({ length: groups - 1 }, (_, g) => {
        const y = outputOf(context, g * tensors + i);
        return nest(`update_${i}_${g}`, spatialAxes(y.dims), (v) => store(y, v, update(setting, load(members[0]!, v), load(members[1]!, v), members.slice(2).map((m) => load(m, v)))[g]!));
      }).flat();
    }).flat();
  },
});

export const momentumLowering: Lowering = optimizerLowering(3, ({ attributes, attribute, constant, rate, count }, x, gradient, [v]) => {
  const g = add(gradient, mul(attribute("norm_coefficient"), x));
  const next = add(mul(attribute("alpha"), v!), mul(select(binary("gt", count, constant(0)), attribute("beta"), constant(1)), g));
  return [sub(x, mul(rate, attributes.string("mode") === "standard" ? next : add(g, mul(attribute("alpha"), next)))), next];
});

export const adamLowering: Lowering = optimizerLowering(4, ({ attribute, constant, rate, count }, x, gradient, [v, h]) => {
  const one = constant(1);
  const [alpha, beta] = [attribute("alpha"), attribute("beta")];
  const corrected = div(mul(rate, unary("sqrt", sub(one, binary("pow", beta, count)))), sub(one, binary("pow", alpha, count)));
  const step = select(binary("gt", count, constant(0)), corrected, rate);
  const g = add(gradient, mul(attribute("norm_coefficient"), x));
  const mean = add(mul(alpha, v!), mul(sub(one, alpha), g));
  const square = add(mul(beta, h!), mul(mul(sub(one, beta), g), g));
  const moved = sub(x, div(mul(step, mean), add(unary("sqrt", square), attribute("epsilon"))));
  return [mul(sub(one, attribute("norm_coefficient_post")), moved), mean, square];
});

export const adagradLowering: Lowering = optimizerLowering(3, ({ attribute, constant, rate, count }, x, gradient, [h]) => {
  const step = div(rate, add(constant(1), mul(count, attribute("decay_factor"))));
  const g = add(gradient, mul(attribute("norm_coefficient"), x));
  const sum = add(h!, mul(g, g));
  return [sub(x, div(mul(step, g), add(unary("sqrt", sum), attribute("epsilon")))), sum];
});
