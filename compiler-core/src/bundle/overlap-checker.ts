/**
 * Proves a memory plan by running it on paper. Memory is a map from bytes to the value and the position in it that
 * were written there last; every read must find exactly the bytes of the value it names. So no two live values
 * overlap, no read comes before its write, and nothing that is still needed is overwritten. Shares no code with the
 * planner, and takes the plan as it is written to memory_plan.json. Of two branches each is run from what was there before, and
 * only what both leave is there after; a loop is run for no turn and for two, the second of which finds what any later one does.
 */
export interface CheckedPlan {
  readonly arena_bytes: number;
  readonly values: readonly { readonly name: string; readonly space: "arena" | "weights"; readonly offset: number; readonly bytes: number; readonly element_bytes: number }[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly steps: readonly CheckedStep[];
  /** steps of branches and loops, the outer ones first */
  readonly bodies?: readonly { readonly begin: number; readonly end: number; readonly flag: string; readonly when: boolean; readonly repeats: boolean }[];
}

export interface CheckedStep {
  readonly name: string;
  /** a view has no code: `parts` lie in `whole` at byte offsets */
  readonly kind: "kernel" | "view";
  readonly reads: readonly string[];
  /** what must still be there behind the step */
  readonly keeps?: readonly string[];
  readonly writes: readonly string[];
  readonly scratch: readonly { readonly offset: number; readonly bytes: number }[];
  /** pairs of a read and a written value that are the same memory on purpose */
  readonly in_place: readonly (readonly [read: string, written: string])[];
  readonly views: readonly { readonly part: string; readonly whole: string; readonly offset: number }[];
}

/** `length` bytes from `offset` hold those of `value` from `position`. */
interface Segment {
  readonly offset: number;
  readonly length: number;
  readonly value: string;
  readonly position: number;
}

/** One message a violation; none for a sound plan. */
export function checkMemoryPlan(plan: CheckedPlan): string[] {
  const problems: string[] = [];
  const values = new Map(plan.values.map((v) => [v.name, v]));
  /** the bytes that a value consists of, by who wrote them */
  let contents = new Map<string, readonly Segment[]>();
  let memory: Segment[] = [];

  const own = (name: string): readonly Segment[] => [{ offset: 0, length: values.get(name)?.bytes ?? 0, value: name, position: 0 }];
  const find = (name: string, step: string) => {
    const found = values.get(name);
    if (!found) problems.push(`${step} uses ${name}, which has no place`);
    return found;
  };

  const overwrite = (offset: number, length: number, with_: readonly Segment[]): void => {
    const end = offset + length;
    const rest: Segment[] = [];
    for (const s of memory) {
      const sEnd = s.offset + s.length;
      if (sEnd <= offset || s.offset >= end) {
        rest.push(s);
        continue;
      }
      if (s.offset < offset) rest.push({ ...s, length: offset - s.offset });
      if (sEnd > end) rest.push({ offset: end, length: sEnd - end, value: s.value, position: s.position + (end - s.offset) });
    }
    rest.push(...with_);
    rest.sort((a, b) => a.offset - b.offset);
    memory = rest;
  };

  const write = (name: string, step: string): void => {
    const v = find(name, step);
    if (!v) return;
    if (v.space !== "arena") problems.push(`${step} writes ${name}, which lies in the weights`);
    else if (v.offset < 0 || v.offset + v.bytes > plan.arena_bytes) problems.push(`${name} lies at ${v.offset} to ${v.offset + v.bytes}, outside the arena of ${plan.arena_bytes} bytes`);
    else if (v.element_bytes > 0 && v.offset % v.element_bytes !== 0) problems.push(`${name} lies at ${v.offset}, which is no multiple of its element's ${v.element_bytes} bytes`);
    contents.set(name, own(name));
    overwrite(v.offset, v.bytes, [{ offset: v.offset, length: v.bytes, value: name, position: 0 }]);
  };

  const read = (name: string, step: string): void => {
    const v = find(name, step);
    if (!v || v.space === "weights") return;
    const content = contents.get(name);
    if (!content) {
      problems.push(`${step} reads ${name} before it is written`);
      return;
    }
    for (const part of content) {
      let at = v.offset + part.offset;
      let position = part.position;
      let left = part.length;
      while (left > 0) {
        const here = memory.find((s) => s.offset <= at && at < s.offset + s.length);
        if (!here || here.value !== part.value || here.position + (at - here.offset) !== position) {
          problems.push(`${step} reads ${name}, but byte ${at} of the arena holds ${here ? here.value : "nothing"}`);
          return;
        }
        const run = Math.min(left, here.offset + here.length - at);
        at += run;
        position += run;
        left -= run;
      }
    }
  };

  const overlap = (a: { offset: number; bytes: number }, b: { offset: number; bytes: number }): boolean => a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;

  const slice = (content: readonly Segment[], from: number, bytes: number): Segment[] =>
    content.flatMap((s) => {
      const start = Math.max(s.offset, from);
      const end = Math.min(s.offset + s.length, from + bytes);
      return start < end ? [{ offset: start - from, length: end - start, value: s.value, position: s.position + (start - s.offset) }] : [];
    });

  const view = (step: CheckedStep): void => {
    const wholes = new Map<string, Segment[]>();
    for (const { part, whole, offset } of step.views) {
      const p = find(part, step.name);
      const w = find(whole, step.name);
      if (!p || !w) continue;
      if (p.space !== w.space || p.offset !== w.offset + offset) problems.push(`${step.name}: ${part} lies at ${p.offset}, not ${offset} bytes into ${whole} at ${w.offset}`);
      if (offset < 0 || offset + p.bytes > w.bytes) problems.push(`${step.name}: ${part} reaches beyond ${whole}`);
      if (step.writes.includes(part)) {
        if (w.space === "arena") contents.set(part, slice(contents.get(whole) ?? [], offset, p.bytes));
      } else {
        const list = wholes.get(whole) ?? [];
        list.push(...(contents.get(part) ?? []).map((s) => ({ ...s, offset: s.offset + offset })));
        wholes.set(whole, list);
      }
    }
    for (const [whole, segments] of wholes) {
      segments.sort((a, b) => a.offset - b.offset);
      let at = 0;
      for (const s of segments) {
        if (s.offset !== at) problems.push(`${step.name}: byte ${at} of ${whole} belongs to no part, or to two`);
        at = s.offset + s.length;
      }
      if (at !== values.get(whole)?.bytes) problems.push(`${step.name}: the parts of ${whole} end at ${at}`);
      contents.set(whole, segments);
    }
  };

  for (const name of plan.inputs) write(name, "the caller");
  for (const name of plan.inputs) read(name, "the caller's inputs together");
  const run = (step: CheckedStep): void => {
    for (const name of step.reads) read(name, step.name);
    if (step.kind === "view") {
      view(step);
      for (const name of step.keeps ?? []) read(name, step.name);
      return;
    }
    const ranges = [
      ...step.writes.flatMap((name) => (values.get(name) ? [values.get(name)!] : [])),
      ...step.scratch.map((s, i) => ({ name: `scratch ${i}`, ...s })),
    ];
    for (const s of step.scratch) if (s.offset < 0 || s.offset + s.bytes > plan.arena_bytes) problems.push(`${step.name}: scratch at ${s.offset} lies outside the arena`);
    for (const [i, a] of ranges.entries()) {
      for (const b of ranges.slice(i + 1)) if (overlap(a, b)) problems.push(`${step.name}: ${a.name} and ${b.name} overlap`);
      for (const name of step.reads) {
        const r = values.get(name);
        if (!r || r.space !== "arena" || !overlap(a, r)) continue;
        const meant = step.in_place.some(([from, to]) => from === name && to === a.name) && a.offset === r.offset && a.bytes === r.bytes;
        if (!meant) problems.push(`${step.name} reads ${name} and writes ${a.name} at overlapping places`);
      }
    }
    for (const s of step.scratch) overwrite(s.offset, s.bytes, []);
    for (const name of step.writes) write(name, step.name);
    for (const name of step.keeps ?? []) read(name, step.name);
  };

  interface State {
    readonly contents: Map<string, readonly Segment[]>;
    readonly memory: Segment[];
  }
  const state = (): State => ({ contents: new Map(contents), memory });
  const restore = (s: State): void => {
    contents = new Map(s.contents);
    memory = s.memory;
  };
  /** What two runs have left alike. */
  const inBoth = (a: State, b: State): State => ({
    contents: new Map([...a.contents].filter(([name, segments]) => JSON.stringify(b.contents.get(name)) === JSON.stringify(segments))),
    memory: a.memory.flatMap((x) =>
      b.memory.flatMap((y) => {
        const from = Math.max(x.offset, y.offset);
        const end = Math.min(x.offset + x.length, y.offset + y.length);
        const position = x.position + (from - x.offset);
        return from < end && x.value === y.value && position === y.position + (from - y.offset) ? [{ offset: from, length: end - from, value: x.value, position }] : [];
      }),
    ),
  });
  const all = plan.bodies ?? [];
  const walk = (begin: number, end: number, first: number): void => {
    for (let at = begin; at < end; ) {
      const index = all.findIndex((b, i) => i >= first && b.begin === at && b.end <= end);
      const body = all[index];
      if (!body) {
        run(plan.steps[at++]!);
        continue;
      }
      const where = `the body of steps ${body.begin} to ${body.end - 1}`;
      read(body.flag, where);
      const before = state();
      walk(at, body.end, index + 1);
      read(body.flag, where);
      if (body.repeats) {
        walk(at, body.end, index + 1);
        read(body.flag, where);
      }
      at = body.end;
      const other = all.findIndex((b, i) => i > index && b.begin === at && b.end <= end && b.flag === body.flag && b.when !== body.when && !b.repeats);
      const ran = state();
      restore(before);
      if (!body.repeats && other >= 0) {
        walk(at, all[other]!.end, other + 1);
        at = all[other]!.end;
      }
      restore(inBoth(ran, state()));
    }
  };
  walk(0, plan.steps.length, 0);
  for (const name of plan.outputs) read(name, "the caller");
  return problems;
}
