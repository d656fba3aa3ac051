import { exportOnnx } from "../backends/onnx/index.ts";
import { importModel } from "../importers/index.ts";
import { describeNode, type Graph, type NodeId } from "../ir/graph.ts";
import { originsMetadata } from "../ir/lineage-table.ts";
import { printGraphLines } from "../ir/printer.ts";
import type { StepId } from "../ir/timeline.ts";
import { operators, typeRules } from "../ops/index.ts";
import { checkModels, checkStep } from "../passes/check.ts";
import { applyAt, applyRepeatedly, explain, findMatches, siteOf, type Explanation } from "../passes/driver/driver.ts";
import type { RewriteDefinition } from "../passes/definition.ts";
import { findRewrite, rewrites } from "../passes/index.ts";
import { describePasses, findPipeline } from "../passes/pipelines.ts";
import { runPipeline } from "../passes/run-pipeline.ts";
import { specialize } from "../passes/specialize.ts";
import { CustomRewrites, customView } from "./custom.ts";
import { bisectSteps, bisectValues, lineageOf, recipeOf, replay } from "./history.ts";
import { compareOrders } from "./orders.ts";
import { checkView } from "./check-view.ts";
import { formatDiagnostic, GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { backendCase } from "./backend-case.ts";
import { buildFiles } from "./build.ts";
import { openSizes } from "./sized-graph.ts";
import { compareCompiled, compileCase, runWasmCase } from "./compiled-case.ts";
import { collectFiles } from "./files.ts";
import { Model } from "./model.ts";
import { diffModels, diffSteps } from "./model-diff.ts";
import { nodeDetail } from "./node-detail.ts";
import { problemsOf } from "./problems.ts";
import { nodeProgram, primitiveViews, scheduleCheck, writtenProgram } from "./program-view.ts";
import { comparePrograms, ProgramRunner } from "./program-check.ts";
import { scheduleEnds, schedulePass, scheduleRewrite } from "./schedule-step.ts";
import { parseStep } from "../tensor/schedule/step-text.ts";
import { textDiff } from "./text-diff.ts";
import type { At, ChangeResult, CheckView, ModelDiff, ModelId, NodeDetail, OperatorView, OrdersView, RecipeResult, RestoreResult, SessionApi, SiteView, TensorRef, TextView } from "./protocol.ts";
import { Engine } from "./engine.ts";
import { bytesOf, runGraph } from "./run.ts";
import { constantView, tensorView } from "./tensor-view.ts";
import { compareTensors, Keeper, keptBytesLimit, runErrors, tensorOf, tensorPart } from "./tensors.ts";
import { restoreTree, treeOf } from "./tree.ts";
import { nodeFlops } from "./cost.ts";
import { graphTable, marksOfModel, marksOfStep } from "./graph-table.ts";
import { profileGraph } from "./profile.ts";
import { searchNodes } from "./search.ts";
import { Tuner } from "./tuner.ts";
import { compileFlags, isaProbe, machineOf, peakProbe } from "../tuner/index.ts";
import { graphView, unionView } from "./views.ts";

/** milliseconds on any clock; given by the host, since the compiler has no clock of its own */
export type Clock = () => number;

const keptDiffs = 4;

function textOf(graph: Graph): TextView {
  const { text, lines } = printGraphLines(graph);
  return { text, lines: [...lines].map(([node, [first, last]]) => [node, first, last] as const) };
}

/** The compiler as the window and the command line see it. Models stay open until they are closed. */
export function createSession(clock: Clock = () => 0): SessionApi {
  const models = new Map<ModelId, Model>();
  const custom = new CustomRewrites();
  const rewriteOf = (name: string): RewriteDefinition => custom.find(name)?.definition ?? scheduleRewrite(name) ?? findRewrite(name);
  let opened = 0;

  const find = (id: ModelId): Model => {
    const model = models.get(id);
    if (!model) throw new GraphwrightError("no-such-model", `model ${id} is not open.`);
    return model;
  };
  const stepGraph = (at: { readonly model: ModelId; readonly step: StepId }): Graph => find(at.model).graph(at.step);

  /** What differs between two steps never changes: both canvases and the list ask for the same. */
  const diffs = new Map<string, { readonly of: readonly ModelId[]; readonly work: Promise<ModelDiff> }>();
  const differences = async (a: At, b: At, task: Task): Promise<ModelDiff> => {
    const key = `${a.model}/${a.step} ${b.model}/${b.step}`;
    const under = diffs.get(key);
    if (under) {
      const found = await under.work.catch(() => undefined);
      if (found) return found;
      // Whoever asked first gave up, or failed: ask for oneself.
      task.check();
    }
    const work = a.model === b.model ? diffSteps(stepGraph(a), stepGraph(b), task) : diffModels(stepGraph(a), stepGraph(b), task);
    const entry = { of: [a.model, b.model], work };
    diffs.set(key, entry);
    for (const oldest of diffs.keys()) {
      if (diffs.size <= keptDiffs) break;
      diffs.delete(oldest);
    }
    work.catch(() => diffs.get(key) === entry && diffs.delete(key));
    return work;
  };

  const tensorIn = (ref: TensorRef): ReturnType<typeof tensorOf> => tensorOf(stepGraph(ref), find(ref.model).kept, ref);

  /** Runs an edit; whatever goes wrong, the timeline is as it was before. */
  const edit = async (model: Model, task: Task, body: () => Promise<{ applied: number; notes: readonly string[] }>): Promise<ChangeResult> => {
    const { timeline } = model;
    const [count, head, runs] = [timeline.steps.length, timeline.head.id, model.runs.length];
    try {
      const { applied, notes } = await body();
      // What the steps cost is worked out for their view: with many steps that takes as long as making them.
      for (const step of timeline.steps.slice(count)) {
        await task.pause();
        task.check();
        model.cost(step.id);
      }
      const view = model.view();
      await task.pause();
      task.check();
      return { timeline: view, applied, notes };
    } catch (error) {
      if (timeline.steps.length > count || timeline.head.id !== head) model.rollBack(count, head, runs);
      throw error;
    }
  };

  const moved = (model: Model): Promise<ChangeResult> => Promise.resolve({ timeline: model.view(), applied: 0, notes: [] });

  const siteView = (explanation: Explanation): SiteView => explanation;

  const engine = new Engine();
  const tuner = new Tuner(({ model, step }) => find(model).graph(step));
  const regionCheck = async (check: boolean | undefined, graph: Graph, task: Task): Promise<(before: Graph, after: Graph, delta: Parameters<typeof checkStep>[2]) => CheckView | undefined> => {
    if (!check) return () => undefined;
    const { accelerator } = await engine.for(graph);
    return (before, after, delta) => checkView(checkStep(before, after, delta, { task, ...(accelerator ? { accelerator } : {}) }), "region");
  };
  /** A comparison of whole models, with the report of what ran how. */
  const compared = async (a: Graph, b: Graph, seeds: number | undefined, task: Task): Promise<CheckView> => {
    const { accelerator, heavy } = await engine.for(a);
    // What others ran until now is not this one's.
    await engine.report();
    const view = checkView(await checkModels(a, b, { task, ...(accelerator ? { accelerator } : {}), ...(seeds === undefined ? {} : { seeds }) }), "model");
    const report = heavy ? await engine.report() : undefined;
    return report ? { ...view, engine: report } : view;
  };

  return {
    async open({ source, siblings }, task) {
      task.progress(undefined, `Reading ${source.name}`);
      const { graph, diagnostics } = importModel(source, { rules: typeRules, task, ...(siblings ? { siblings } : {}) });
      await task.pause();
      task.check();
      const id = `m${++opened}`;
      const model = new Model(source, graph, diagnostics);
      // In parts, each a look at whether it is still wanted; a model that was cancelled is never known.
      const timeline = model.view();
      await task.pause();
      task.check();
      const summary = model.summary(0);
      await task.pause();
      task.check();
      models.set(id, model);
      return { model: id, summary, timeline, diagnostics };
    },

    async close({ model }) {
      for (const [key, { of }] of diffs) if (of.includes(model)) diffs.delete(key);
      models.delete(model);
    },

    async catalog() {
      const { rewrites: all, passes, pipelines } = describePasses();
      return { rewrites: all, passes, pipelines, primitives: primitiveViews() };
    },

    async operators({ documented = false }) {
      const views = operators.map(
        (o): OperatorView => ({
          domain: o.domain,
          op: o.op,
          family: o.family,
          since: o.versions.map((v) => v.since),
          summary: o.summary,
          doc: o.doc ?? "",
          infer: true,
          evaluate: o.evaluate !== undefined,
          lower: o.lower !== undefined || o.control !== undefined,
          fold: o.evaluate !== undefined && o.nondeterministic !== true,
          ...(documented ? { parameterDocs: [...o.inputs, ...o.outputs, ...Object.values(o.attributes ?? {})].map((each) => each.doc) } : {}),
        }),
      );
      return { operators: views.sort((a, b) => (a.domain === b.domain ? (a.op < b.op ? -1 : 1) : a.domain < b.domain ? -1 : 1)) };
    },

    async summary({ model, step }) {
      return find(model).summary(step);
    },

    async graph({ model: id, step, base }) {
      const model = find(id);
      return base === undefined || base === step ? graphView(id, step, model.graph(step)) : unionView(id, step, model.graph(step), { step: base, graph: model.graph(base), lineage: model.lineage });
    },

    async graphTable({ model: id, step, base, against }, task) {
      const model = find(id);
      if (against) {
        const { side } = against;
        const marks = against.model === id
          ? marksOfStep(step, model.graph(step), side, { step: against.step, graph: model.graph(against.step), lineage: model.lineage })
          : marksOfModel(await (side === "after" ? differences(against, { model: id, step }, task) : differences({ model: id, step }, against, task)), side);
        return graphTable(id, step, model.graph(step), undefined, task, { beside: marks, problems: problemsOf(model, step) });
      }
      const compared = base === undefined || base === step ? undefined : { step: base, graph: model.graph(base), lineage: model.lineage };
      return graphTable(id, step, model.graph(step), compared, task, { problems: problemsOf(model, step) });
    },

    async search({ model, step, base, query, offset = 0, limit = 200 }, task) {
      return searchNodes(find(model), step, base, query, offset, limit, task);
    },

    async flops({ model, step }) {
      const nodes: number[] = [];
      const values: number[] = [];
      const graph = find(model).graph(step);
      for (const node of graph) {
        if (node.kind !== "operator") continue;
        nodes.push(node.id);
        values.push(nodeFlops(graph, node) ?? NaN);
      }
      return { nodes: Int32Array.from(nodes), values: Float64Array.from(values) };
    },

    async text(at) {
      return textOf(stepGraph(at));
    },

    async textDiff({ base, ...at }) {
      return textDiff(textOf(stepGraph({ ...at, step: base })), textOf(stepGraph(at)));
    },

    async node({ model: id, step, node }): Promise<NodeDetail> {
      const model = find(id);
      return nodeDetail(model.timeline, model.lineage, step, node, problemsOf(model, step).get(node) ?? []);
    },

    async tensor({ model, step, node }, task) {
      const record = find(model).graph(step).node(node);
      if (record.kind !== "constant") throw new GraphwrightError("not-a-constant", "only constants have values before a run.", { node: describeNode(record) });
      return constantView(record.outputs[0]!.name, record.value, task);
    },

    async follow({ model: id, step, node, to }) {
      return { nodes: find(id).lineage.follow(node, step, to) };
    },

    async presence({ model: id, step, node }) {
      const model = find(id);
      const { timeline, lineage } = model;
      const steps: [StepId, "appeared" | "changed" | "unchanged" | "absent"][] = [];
      let before: readonly NodeId[] = [];
      for (const at of timeline.branch()) {
        const now = lineage.follow(node, step, at);
        const { delta } = timeline.step(at);
        const touched = delta && (delta.added.some((n) => now.includes(n.id)) || delta.updated.some(([, n]) => now.includes(n.id)));
        steps.push([at, now.length === 0 ? "absent" : before.length === 0 ? "appeared" : touched ? "changed" : "unchanged"]);
        before = now;
      }
      return { steps };
    },

    async cost({ model, step }) {
      return find(model).fullCost(step);
    },

    async sites({ model, step, rewrite: name, nearMisses }) {
      const graph = find(model).graph(step);
      const rewrite = rewriteOf(name);
      if (nearMisses) return { sites: explain(graph, rewrite).map(siteView) };
      return {
        sites: findMatches(graph, rewrite).map((match) => ({ rewrite: name, root: match.root, site: siteOf(graph.node(match.root)), applies: true, nodes: match.nodes, preconditions: [] })),
      };
    },

    async explain({ model, step, node }) {
      const graph = find(model).graph(step);
      const sites = [...rewrites, ...custom.all.map((c) => c.definition)].flatMap((rewrite) => explain(graph, rewrite, node)).map(siteView);
      const share = (site: SiteView): number => site.preconditions.filter((p) => p.state === "satisfied").length / Math.max(1, site.preconditions.length);
      return { sites: sites.sort((a, b) => Number(b.applies) - Number(a.applies) || share(b) - share(a)) };
    },

    async apply({ model: id, rewrite: name, node, check }, task) {
      const model = find(id);
      return edit(model, task, async () => {
        const before = model.timeline.editBase();
        const { graph, delta, diagnostics } = applyAt(before, rewriteOf(name), node);
        const verdict = (await regionCheck(check, before, task))(before, graph, delta);
        if (verdict?.verdict === "different")
          throw new GraphwrightError("rewrite-changes-outputs", `${name} was not applied, since the outputs would differ: ${verdict.note}`, { node: delta.site });
        custom.record(model, name);
        const step = model.timeline.append(graph, delta);
        if (verdict) model.checks.set(step.id, verdict);
        return { applied: 1, notes: diagnostics.map(formatDiagnostic) };
      });
    },

    async applyAll({ model: id, rewrite: name, check }, task) {
      const model = find(id);
      return edit(model, task, async () => {
        const from = model.timeline.head.id;
        const began = clock();
        const notes: string[] = [];
        let applied = 0;
        let before = model.timeline.editBase();
        const region = await regionCheck(check, before, task);
        custom.record(model, name);
        const generator = applyRepeatedly(before, [rewriteOf(name)], { tick: () => task.check() });
        for (let next = generator.next(); !next.done; ) {
          task.check();
          const { graph, delta } = next.value;
          const verdict = region(before, graph, delta);
          if (verdict?.verdict === "different") {
            notes.push(`${name} was not applied at ${delta.site}, since the outputs would differ: ${verdict.note}`);
            next = generator.next("revert");
            continue;
          }
          const step = model.timeline.append(graph, delta);
          if (verdict) model.checks.set(step.id, verdict);
          before = graph;
          applied++;
          if (applied % 16 === 0) {
            task.progress(undefined, `${name}: ${applied} applied`);
            await task.pause();
          }
          next = generator.next();
        }
        model.addRuns([{ pass: name, from, to: model.timeline.head.id, applied, milliseconds: clock() - began, notes }]);
        return { applied, notes };
      });
    },

    async specialize({ model: id, sizes }, task) {
      const model = find(id);
      return edit(model, task, async () => {
        task.check();
        const { graph, delta } = specialize(model.timeline.editBase(), { sizes: new Map(Object.entries(sizes)) });
        model.timeline.append(graph, delta);
        return { applied: 1, notes: [] };
      });
    },

    async runPipeline({ model: id, pipeline, passes, finally: last, only, skip, check, from, after, startAt, limit }, task) {
      const model = find(id);
      const known = findPipeline(pipeline);
      const plan = passes || last ? { ...known, passes: passes ?? known.passes, finally: last ?? known.finally } : known;
      return edit(model, task, async () => {
        if (from !== undefined) model.timeline.moveTo(from);
        const first = model.timeline.steps.length;
        const region = await regionCheck(check, model.timeline.head.graph, task);
        const result = await runPipeline<CheckView>(model.timeline, plan, {
          task,
          clock,
          ...(only ? { only } : {}),
          ...(skip ? { skip } : {}),
          ...(check ? { check: (before, after, delta) => region(before, after, delta)! } : {}),
          ...(startAt === undefined ? {} : { startAt }),
          onStep: (step, verdict) => {
            if (verdict) model.checks.set(step.id, verdict);
            return limit !== undefined && model.timeline.steps.length - first >= limit ? "stop" : undefined;
          },
        });
        const notes = result.diagnostics.map(formatDiagnostic);
        model.addRuns(result.passes.map((p) => ({ pass: p.pass, from: p.from, to: p.to, applied: Object.values(p.applied).reduce((a, b) => a + b, 0), milliseconds: p.milliseconds, notes: [], ...(p.stopped ? { stopped: true } : {}), ...(p.refused[0] ? { error: p.refused[0] } : {}) })), after);
        return { applied: model.timeline.steps.length - first, notes };
      });
    },

    async recipe({ model: id, step }, task) {
      return recipeOf(find(id), step, task);
    },

    async applyRecipe({ model: id, recipe, from, only, skip, check, unchecked }, task) {
      const model = find(id);
      let failed: RecipeResult["failed"] = [];
      const result = await edit(model, task, async () => {
        if (from !== undefined) model.timeline.moveTo(from);
        const replayed = await replay(model, recipe, custom, { only, skip, check: check === true, unchecked: unchecked === true, task, clock });
        failed = replayed.failed;
        return replayed;
      });
      return { ...result, failed };
    },

    async tree({ model, since }) {
      return treeOf(find(model), since);
    },

    async restoreTree({ model: id, tree, head, leaf }, task) {
      const model = find(id);
      let restored: Pick<RestoreResult, "failed" | "places"> = { failed: [], places: [] };
      const result = await edit(model, task, async () => {
        const { applied, failed, places } = await restoreTree(model, tree, custom, task);
        restored = { failed, places };
        if (leaf !== undefined) model.timeline.moveTo(places[leaf] ?? 0);
        model.timeline.moveTo(places[head] ?? 0);
        return { applied, notes: [] };
      });
      return { ...result, ...restored };
    },

    async bisect({ model, from, to, seeds }, task) {
      return bisectSteps(find(model), from, to, seeds, task);
    },

    async bisectModels({ a, b, seeds }, task) {
      return bisectValues(stepGraph(a), stepGraph(b), seeds, task);
    },

    async lineage({ model, step }) {
      return lineageOf(find(model), step);
    },

    async parseCustom({ text }) {
      return { rewrites: custom.parse(text).map(customView) };
    },

    async customSites({ model, step, text, nearMisses }) {
      const graph = find(model).graph(step);
      return { sites: custom.parse(text).flatMap(({ definition }) => explain(graph, definition).filter((site) => site.applies || nearMisses)) };
    },

    async defineCustom({ text }) {
      return { rewrites: custom.define(text).map(customView) };
    },

    async removeCustom({ name }) {
      custom.remove(name);
    },

    async customRewrites() {
      return { rewrites: custom.all.map(customView) };
    },

    async compareOrders({ model: id, step, orders, verify }, task) {
      const model = find(id);
      let result: Omit<OrdersView, "timeline"> | undefined;
      const { timeline } = await edit(model, task, async () => {
        result = await compareOrders(model, step, orders, verify === true, task);
        return { applied: 0, notes: [] };
      });
      return { ...result!, timeline };
    },

    async moveTo({ model: id, step }) {
      const model = find(id);
      model.timeline.moveTo(step);
      return moved(model);
    },

    async undo({ model: id }) {
      const model = find(id);
      model.timeline.undo();
      return moved(model);
    },

    async redo({ model: id }) {
      const model = find(id);
      model.timeline.redo();
      return moved(model);
    },

    async withdraw({ model: id, steps, runs, head }) {
      find(id).rollBack(steps, head, runs);
    },

    async verify({ model: id, from, to, seeds }, task) {
      const model = find(id);
      return compared(model.graph(from), model.graph(to), seeds, task);
    },

    async diffModels({ a, b }, task) {
      return differences(a, b, task);
    },

    async compare({ a, b, seeds }, task) {
      return compared(stepGraph(a), stepGraph(b), seeds, task);
    },

    async backendCase({ case: each, roundtrip, optimize }, task) {
      return backendCase(each, { roundtrip: roundtrip === true, optimize: optimize === true }, task, clock);
    },

    async compileCase({ case: each, identifier, optimize, target }, task) {
      return compileCase(each, { identifier, optimize: optimize === true, target }, task);
    },

    async wasmCase({ case: each, optimize, relaxed }, task) {
      return runWasmCase(each, { optimize: optimize === true, relaxed: relaxed === true }, task);
    },

    async compareCompiled({ case: each, set, outputs, bytes }) {
      return compareCompiled(each, set, outputs, bytes) ?? null;
    },

    async run(params, task) {
      const model = find(params.model);
      const graph = model.graph(params.step);
      const { accelerator, heavy } = params.engine === "reference" ? { heavy: false } : await engine.for(graph);
      if (heavy) await engine.report();
      const keeper = params.keep && new Keeper(graph, params.keep.limitBytes ?? keptBytesLimit);
      const result = runGraph(graph, params, task, clock, accelerator, keeper);
      const report = heavy ? await engine.report() : undefined;
      const kept = keeper && { run: model.kept.add(keeper.run(params.step)), values: keeper.views, bytes: keeper.bytes, droppedBytes: keeper.droppedBytes };
      return { ...result, ...(report ? { engine: report } : {}), ...(kept ? { kept } : {}) };
    },

    async profile({ model, step, milliseconds = 1000 }, task) {
      return profileGraph(find(model).graph(step), milliseconds, task, clock);
    },

    async tensorPart({ tensor, ...part }, task) {
      return tensorPart(tensorIn(tensor).tensor, part, task);
    },

    async tensorStatistics({ tensor }, task) {
      const { name, tensor: value } = tensorIn(tensor);
      return { ...tensorView(name, value, bytesOf(value), task), dims: value.dims };
    },

    async compareTensors({ a, b }, task) {
      return compareTensors(tensorIn(a).tensor, tensorIn(b).tensor, task);
    },

    async runErrors({ model: id, a, b }, task) {
      const model = find(id);
      return runErrors(model, model.kept.find(a), model.kept.find(b), task);
    },

    async program({ model, step, node, scheduled }) {
      return nodeProgram(find(model).graph(step), node, scheduled);
    },

    async scheduleCheck({ model, step, node, scheduled }, task) {
      return scheduleCheck(find(model).graph(step), node, scheduled, task);
    },

    async scheduleTrial({ model, step, node, text }) {
      let rewrite: RewriteDefinition | undefined;
      try {
        rewrite = scheduleRewrite(text);
        if (!rewrite) parseStep(text);
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
        return { applies: false, conditions: [], infos: [], problem: error.diagnostic };
      }
      const found = explain(find(model).graph(step), rewrite!, node).find((e) => e.root === node);
      return { applies: found?.applies ?? false, conditions: found?.preconditions ?? [], infos: rewrite!.preconditions };
    },

    async schedule({ model: id, node, text, check }, task) {
      const model = find(id);
      return edit(model, task, async () => {
        const rewrite = scheduleRewrite(text);
        if (!rewrite) parseStep(text);
        const before = model.timeline.editBase();
        const { graph, delta } = applyAt(before, rewrite!, node, { pass: schedulePass });
        let verdict: CheckView | undefined;
        if (check) {
          const ends = scheduleEnds(before, graph, before.operator(node)!);
          verdict = comparePrograms(ends.before, ends.after, await new ProgramRunner().load(), task);
          if (verdict.verdict === "different") throw new GraphwrightError("rewrite-changes-outputs", `${text} was not applied, since the outputs would differ: ${verdict.note}`, { node: delta.site }, "This is a defect of Graphwright: please report it with the model.");
        }
        const step = model.timeline.append(graph, delta);
        if (verdict) model.checks.set(step.id, verdict);
        return { applied: 1, notes: [] };
      });
    },

    async writtenProgram(params, task) {
      return writtenProgram(params, task);
    },

    async exportOnnx({ model: id, step, name, opset, origins }, task) {
      const model = find(id);
      const { files, diagnostics } = exportOnnx(model.graph(step), {
        name,
        task,
        ...(opset === undefined ? {} : { opset }),
        ...(origins === false || step === 0 ? {} : { metadata: originsMetadata(model.timeline, step) }),
      });
      return { files: collectFiles(files), notes: diagnostics.map(formatDiagnostic) };
    },

    async sizes({ model: id, step }) {
      return { sizes: openSizes(find(id).graph(step)) };
    },
    async build({ model: id, step, ...options }, task) {
      const model = find(id);
      return buildFiles(model, step, options, task);
    },

    async tuningProbe({ isa }) {
      return { source: isa === undefined ? isaProbe() : peakProbe(isa), flags: compileFlags };
    },

    async tuningMachine({ compiler, cpu, isa, peak }) {
      return machineOf({ compiler, cpu }, isa, peak);
    },

    async tuningLayers({ machine, ...at }, task) {
      return { layers: await tuner.of(at, task).layers(machine, task) };
    },

    async tuningTrial({ machine, key, ...at }, task) {
      return { ...(await tuner.of(at, task).trial(key, machine)), flags: compileFlags };
    },

    async tuningEntry({ machine, key, printed, ...at }, task) {
      return tuner.of(at, task).entry(key, machine, printed);
    },
  };
}
