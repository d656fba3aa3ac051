/** Where the time of opening goes inside the compiler: import, summary, the views of the first step. Processor time. Usage: npm run bench:open-parts [-- SIZE] */
import { englishTexts, groupContents, layoutGraph, makeHierarchy, makePicture, openAtFirst } from "../../picture/src/index.ts";
import { importModel } from "../src/importers/index.ts";
import { topologicalOrder } from "../src/ir/order.ts";
import { typeRules } from "../src/ops/index.ts";
import { Model } from "../src/session/model.ts";
import { graphTable } from "../src/session/graph-table.ts";
import { graphView } from "../src/session/views.ts";
import { outlineTable } from "../src/session/outline.ts";
import { silentTask } from "../src/support/task.ts";
import { printGraphLines } from "../src/ir/printer.ts";
import { MemoryBlob } from "../src/support/blob.ts";
import { transformerFile } from "./transformer.ts";

const size = Number(process.argv[2] ?? 50_000);
const bytes = transformerFile("plain", size);
const timed = <T>(what: string, work: () => T): T => {
  const { user, system } = process.cpuUsage();
  const result = work();
  const used = process.cpuUsage();
  console.log(`${what.padEnd(36)} ${((used.user + used.system - user - system) / 1000).toFixed(0)} ms`);
  return result;
};
for (let round = 0; round < 3; round++) {
  console.log(`round ${round + 1}${round === 0 ? " (code not compiled yet)" : ""}, ${size} nodes, ${(bytes.length / 1e6).toFixed(1)} MB`);
  const source = new MemoryBlob("model.onnx", bytes);
  const outline = timed("outline", () => outlineTable("m", source, silentTask))!;
  const hierarchy = timed("  groups", () => makeHierarchy(outline, 0));
  const picture = timed("  picture", () => makePicture(outline, hierarchy, { region: 0, constants: true, texts: englishTexts }));
  for (const expanded of [openAtFirst(picture, hierarchy.size), "all"] as const) {
    const layout = timed("  layout", () => layoutGraph({ nodes: picture.nodes, edges: picture.edges, expanded, titles: picture.titles, kept: picture.kept, options: { direction: "down" } }));
    timed(`  contents, ${layout.nodes.ids.length} nodes drawn`, () => groupContents(outline, picture, layout.groups, layout.owner));
  }
  const { graph } = timed("import", () => importModel(source, { rules: typeRules }));
  const model = timed("timeline", () => new Model(source, graph, []));
  timed("  order", () => topologicalOrder(graph, 0));
  timed("  cost", () => model.cost(0));
  timed("  peak", () => model.fullCost(0));
  timed("summary", () => model.summary(0));
  timed("timeline view", () => model.view());
  timed("graph table", () => graphTable("m1", 0, graph, undefined, silentTask));
  timed("graph view", () => graphView("m1", 0, graph));
  timed("text", () => printGraphLines(graph));
}
