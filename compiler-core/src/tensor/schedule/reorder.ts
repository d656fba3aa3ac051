import type { Loop, Statement } from "../program.ts";
import { carriedDependence } from "./dependence.ts";
import { definePrimitive, findLoop, replaceStatement, type Require } from "./primitive.ts";

/** Puts loops of a perfect nest into another order; loops between them that are not named stay where they are. */
export const reorder = definePrimitive<{ loops: readonly string[] }>({
  name: "reorder",
  summary: "Loops of a perfect nest change places.",
  parameters: { loops: "loops" },
  conditions: [
    { name: "perfect-nest", doc: "From the outermost to the innermost named loop, each loop contains just the next." },
    { name: "no-carried-dependence", doc: "No iteration reads what another iteration writes, except a reduction's own element." },
  ],
  apply(program, args, require: Require) {
    const named = args.loops.map((name) => findLoop(program, name));
    const top = named.reduce((a, b) => (b.around.length < a.around.length ? b : a)).statement;
    const chain: Loop[] = [top];
    const missing = new Set(args.loops);
    missing.delete(top.variable.name);
    while (missing.size > 0) {
      const last = chain[chain.length - 1] as Loop;
      const next: Statement | undefined = last.body[0];
      require("perfect-nest", last.body.length === 1 && next?.kind === "for", `${last.variable.name} contains more than one loop, and ${[...missing].join(", ")} lies elsewhere`);
      chain.push(next);
      missing.delete(next.variable.name);
    }
    const innermost = chain[chain.length - 1] as Loop;
    const dependence = carriedDependence(innermost.body);
    require("no-carried-dependence", dependence === undefined, dependence ?? "");
    const wanted = args.loops.map((name) => chain.find((l) => l.variable.name === name) as Loop);
    let next = 0;
    const order = chain.map((l) => (args.loops.includes(l.variable.name) ? (wanted[next++] as Loop) : l));
    const nested = order.reduceRight<readonly Statement[]>((body, l) => [{ ...l, body }], innermost.body);
    return replaceStatement(program, top, nested);
  },
});
