import type { ElementType } from "../../ir/element-type.ts";
import { forEach, nest, step, store, when } from "../../tensor/build.ts";
import { add, cast, div, integer, load, lt, max, min, mul, number, select, sub, unary, binary } from "../../tensor/expression.ts";
import type { Lowering, LoweringAttributes, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement } from "../../tensor/program.ts";
import { inputOf, notLowered, zero } from "./lower-common.ts";

/** RNN, GRU and LSTM: the products with the inputs for all steps at once, then step after step. */

type Activation = (x: Expression) => Expression;

/** Activation functions by lower-case name; the default parameters are those of the operators of the same names. */
const activations: Readonly<Record<string, { alpha?: number; beta?: number; make: (type: ElementType, alpha: Expression, beta: Expression) => Activation }>> = {
  relu: { make: (type) => (x) => max(x, zero(type)) },
  tanh: { make: () => (x) => unary("tanh", x) },
  sigmoid: { make: (type) => (x) => div(number(type, 1), add(number(type, 1), unary("exp", unary("neg", x)))) },
  affine: { alpha: 1, beta: 0, make: (_, a, b) => (x) => add(mul(a, x), b) },
  leakyrelu: { alpha: 0.01, make: (type, a) => (x) => select(binary("ge", x, zero(type)), x, mul(a, x)) },
  thresholdedrelu: { alpha: 1, make: (type, a) => (x) => select(binary("gt", x, a), x, zero(type)) },
  scaledtanh: { alpha: 1, beta: 1, make: (_, a, b) => (x) => mul(a, unary("tanh", mul(b, x))) },
  hardsigmoid: { alpha: 0.2, beta: 0.5, make: (type, a, b) => (x) => min(max(add(mul(a, x), b), zero(type)), number(type, 1)) },
  elu: { alpha: 1, make: (type, a) => (x) => select(binary("ge", x, zero(type)), x, mul(a, sub(unary("exp", x), number(type, 1)))) },
  softsign: { make: (type) => (x) => div(x, add(number(type, 1), unary("abs", x))) },
  softplus: { make: (type) => (x) => add(max(x, zero(type)), unary("log", add(number(type, 1), unary("exp", unary("neg", unary("abs", x)))))) },
};

/** The node's activation functions, one list a direction; `unclipped` is the place of the one that does not clip its input. */
function activationsOf(context: LoweringContext, attributes: LoweringAttributes, directions: number, defaults: readonly string[], type: ElementType, unclipped: number): Activation[][] {
  const given = attributes.strings("activations");
  const names = given && given.length > 0 ? given : Array.from({ length: directions }, () => defaults).flat();
  if (names.length < directions * defaults.length) throw notLowered(context, `${names.length} activations are given, but ${directions * defaults.length} are needed`);
  const alphas = [...(attributes.floats("activation_alpha") ?? [])];
  const betas = [...(attributes.floats("activation_beta") ?? [])];
  const clip = attributes.optionalFloat("clip");
  const all = names.map((name, place): Activation => {
    const entry = activations[name.toLowerCase()];
    if (!entry) throw notLowered(context, `${JSON.stringify(name)} is not an activation function of recurrent operators`);
    const alpha = entry.alpha === undefined ? 0 : (alphas.shift() ?? entry.alpha);
    const beta = entry.beta === undefined ? 0 : (betas.shift() ?? entry.beta);
    const apply = entry.make(type, number(type, alpha), number(type, beta));
    return clip === undefined || place % defaults.length === unclipped ? apply : (x) => apply(min(max(x, number(type, -clip)), number(type, clip)));
  });
  return Array.from({ length: directions }, (_, d) => all.slice(d * defaults.length, (d + 1) * defaults.length));
}

interface Cell {
  readonly gates: number;
  readonly defaults: readonly string[];
  readonly unclipped?: number;
  /** statements that compute the next state of hidden unit after unit, for one sequence at one step */
  readonly step: (parts: StepParts) => readonly Statement[];
}

interface StepParts {
  readonly context: LoweringContext;
  readonly hidden: number;
  readonly functions: readonly Activation[];
  readonly type: ElementType;
  readonly direction: number;
  /** x * W^T of a gate's row, with both biases unless `bare` */
  input(gate: number, j: Expression): Expression;
  /** sum over k of R[gate row, k] * h[k], with its loop; gives the value in a buffer */
  recurrent(gate: number, from: Buffer, to: Buffer): readonly Statement[];
  bias(which: 0 | 1, gate: number, j: Expression): Expression;
  /** states of this sequence */
  readonly h: Buffer;
  readonly c: Buffer;
  readonly next: Buffer;
  local(name: string): Buffer;
}

const recurrentLowering = (cell: Cell): Lowering => ({
  build(context) {
    const { attributes } = context;
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    const r = inputOf(context, 2);
    const [, , , b, lens, h0, c0] = context.inputs;
    const [yAll, yLast, yCell] = context.outputs;
    const type = x.element;
    const batchFirst = attributes.int("layout", 0) === 1;
    const [length, batch, size] = batchFirst ? [x.dims[1]!, x.dims[0]!, x.dims[2]!] : (x.dims as unknown as [number, number, number]);
    const direction = attributes.string("direction", "forward").toLowerCase();
    const backwards = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
    const hidden = r.dims[2]!;
    const width = cell.gates * hidden;
    const functions = activationsOf(context, attributes, backwards.length, cell.defaults, type, cell.unclipped ?? Infinity);
    const inputAt = (t: Expression, n: Expression, k: Expression): Expression => load(x, batchFirst ? [n, t, k] : [t, n, k]);
    const stateAt = (d: number, n: Expression, j: Expression): Expression[] => (batchFirst ? [n, integer(d), j] : [integer(d), n, j]);
    const allAt = (t: Expression, d: number, n: Expression, j: Expression): Expression[] => (batchFirst ? [n, t, integer(d), j] : [t, integer(d), n, j]);
    const statements: Statement[] = [];
    const h = context.local("h", type, [hidden]);
    const c = context.local("c", type, [hidden]);
    const next = context.local("next", type, [hidden]);
    const locals = new Map<string, Buffer>();
    const local = (name: string): Buffer => {
      const known = locals.get(name) ?? context.local(name, type, [hidden]);
      locals.set(name, known);
      return known;
    };
    for (const [d, backward] of backwards.entries()) {
      const products = context.local(`products_${d}`, type, [length, batch, width]);
      const place = integer(d);
      statements.push(
        ...nest(
          `inputs_${d}`,
          [{ name: "t", extent: length }, { name: "n", extent: batch }, { name: "g", extent: width }, { name: "k", extent: size, kind: "reduce" }],
          ([t, n, g, k]) => store(products, [t!, n!, g!], add(load(products, [t!, n!, g!]), mul(inputAt(t!, n!, k!), load(w, [place, g!, k!])))),
          ([t, n, g]) => store(products, [t!, n!, g!], zero(type)),
        ),
      );
      statements.push(
        forEach(`n${d}`, batch, (n) => [
          forEach("j", hidden, (j) => [step("first_h", h, [j], h0 ? load(h0, stateAt(d, n, j)) : zero(type)), ...(cell.gates === 4 ? [step("first_c", c, [j], c0 ? load(c0, stateAt(d, n, j)) : zero(type))] : [])]),
          forEach(`t${d}`, length, (t) => {
            const count: Expression = lens ? min(max(cast("index", load(lens, [n])), 0), length) : integer(length);
            const time = backward ? (lens ? max(sub(sub(count, 1), t), 0) : sub(length - 1, t)) : t;
            const parts: StepParts = {
              context,
              hidden,
              functions: functions[d]!,
              type,
              direction: d,
              h,
              c,
              next,
              local,
              input: (gate, j) => load(products, [time, n, add(j, gate * hidden)]),
              bias: (which, gate, j) => (b ? load(b, [place, add(j, (which * cell.gates + gate) * hidden)]) : zero(type)),
              recurrent: (gate, from, to) => [
                forEach("j", hidden, (j) => [
                  step("clear", to, [j], zero(type)),
                  forEach("k", hidden, (k) => [step("recur", to, [j], add(load(to, [j]), mul(load(r, [place, add(j, gate * hidden), k]), load(from, [k]))))]),
                ]),
              ],
            };
            const write: Statement[] = [
              forEach("j", hidden, (j) => [step("state", h, [j], load(next, [j]))]),
              ...(yAll ? [forEach("j", hidden, (j) => [step("output", yAll, allAt(time, d, n, j), load(h, [j]))])] : []),
            ];
            const body = [...cell.step(parts), ...write];
            return lens ? [when(lt(t, count), body)] : body;
          }),
          ...(yLast ? [forEach("j", hidden, (j) => [step("last_h", yLast, stateAt(d, n, j), load(h, [j]))])] : []),
          ...(yCell ? [forEach("j", hidden, (j) => [step("last_c", yCell, stateAt(d, n, j), load(c, [j]))])] : []),
        ]),
      );
    }
    // Behind the end of a sequence stand zeros.
    if (yAll && lens) statements.unshift(...nest("clear_outputs", yAll.dims.map((extent, d) => ({ name: `d${d}`, extent })), (v) => store(yAll, v, zero(type))));
    return statements;
  },
});

export const rnnLowering: Lowering = recurrentLowering({
  gates: 1,
  defaults: ["Tanh"],
  step: ({ functions: [f], input, bias, recurrent, h, next, hidden, local }) => {
    const sums = local("sums");
    return [...recurrent(0, h, sums), forEach("j", hidden, (j) => [step("next", next, [j], f!(add(add(input(0, j), load(sums, [j])), add(bias(0, 0, j), bias(1, 0, j)))))])];
  },
});

export const gruLowering: Lowering = recurrentLowering({
  gates: 3,
  defaults: ["Sigmoid", "Tanh"],
  step: ({ context, functions: [f, g], input, bias, recurrent, h, next, hidden, local, type }) => {
    const linear = context.attributes.int("linear_before_reset", 0) !== 0;
    const [update, reset, masked, candidate] = ["update", "reset", "masked", "candidate"].map(local) as [Buffer, Buffer, Buffer, Buffer];
    const gate = (index: number, of: Buffer): Statement => forEach("j", hidden, (j) => [step("gate", of, [j], f!(add(add(input(index, j), load(of, [j])), add(bias(0, index, j), bias(1, index, j)))))]);
    return [
      ...recurrent(0, h, update),
      ...recurrent(1, h, reset),
      gate(0, update),
      gate(1, reset),
      ...(linear ? recurrent(2, h, candidate) : [forEach("j", hidden, (j) => [step("mask", masked, [j], mul(load(reset, [j]), load(h, [j])))]), ...recurrent(2, masked, candidate)]),
      forEach("j", hidden, (j) => {
        const own = add(load(candidate, [j]), bias(1, 2, j));
        const value = g!(add(add(input(2, j), bias(0, 2, j)), linear ? mul(load(reset, [j]), own) : own));
        return [step("next", next, [j], add(mul(sub(number(type, 1), load(update, [j])), value), mul(load(update, [j]), load(h, [j]))))];
      }),
    ];
  },
});

export const lstmLowering: Lowering = recurrentLowering({
  gates: 4,
  defaults: ["Sigmoid", "Tanh", "Tanh"],
  unclipped: 2,
  step: ({ context, functions: [f, g, h1], input, bias, recurrent, h, c, next, hidden, local, type, direction }) => {
    const peepholes = context.inputs[7];
    const coupled = context.attributes.int("input_forget", 0) !== 0;
    const names = ["in_gate", "out_gate", "forget_gate", "cell_gate"];
    const sums = names.map(local);
    const gate = (index: number, j: Expression): Expression => add(add(input(index, j), load(sums[index]!, [j])), add(bias(0, index, j), bias(1, index, j)));
    const peep = (index: number, j: Expression, cell: Expression): Expression | undefined => (peepholes ? mul(load(peepholes, [integer(direction), add(j, index * hidden)]), cell) : undefined);
    const plus = (a: Expression, p: Expression | undefined): Expression => (p ? add(a, p) : a);
    return [
      ...[0, 1, ...(coupled ? [] : [2]), 3].flatMap((index) => recurrent(index, h, sums[index]!)),
      forEach("j", hidden, (j) => {
        const old = load(c, [j]);
        return [
          step("input_gate", sums[0]!, [j], f!(plus(gate(0, j), peep(0, j, old)))),
          step("forget", sums[2]!, [j], coupled ? sub(number(type, 1), load(sums[0]!, [j])) : f!(plus(gate(2, j), peep(2, j, old)))),
          step("cell", c, [j], add(mul(load(sums[2]!, [j]), old), mul(load(sums[0]!, [j]), g!(gate(3, j))))),
          step("next", next, [j], mul(f!(plus(gate(1, j), peep(1, j, load(c, [j])))), h1!(load(c, [j])))),
        ];
      }),
    ];
  },
});
