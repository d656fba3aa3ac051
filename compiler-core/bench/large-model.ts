/**
 * Opens a model with 4 GiB of external weights, evaluates one of its outputs and then all. Prints how the process's memory
 * grows; exits with 1 when opening takes 200 MB or more, or the weights read for one output are not those of one table.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FileBlob, siblingsOf } from "../../app/cli/file-blob.ts";
import { evaluateGraph } from "../src/evaluate/index.ts";
import { int64Vector } from "../src/ir/index.ts";
import { importModel } from "../src/importers/index.ts";
import { typeRules } from "../src/ops/index.ts";
import { tableBytes, tableCount, writeLargeModel } from "../test/fixtures/large-model.ts";

const folder = mkdtempSync(path.join(tmpdir(), "graphwright-large-"));
try {
  const file = writeLargeModel(folder);
  const start = process.memoryUsage().rss;
  const grown = (): number => (process.memoryUsage().rss - start) / 1e6;
  let [began, read] = [performance.now(), 0];
  const report = (what: string): void => {
    console.log(`${what}: ${(performance.now() - began).toFixed(0)} ms, ${(read / 1e6).toFixed(0)} MB of weights read, memory grown by ${grown().toFixed(0)} MB`);
    began = performance.now();
  };
  const beside = siblingsOf(file);
  const { graph } = importModel(new FileBlob(file), {
    rules: typeRules,
    siblings: (name) => {
      const source = beside(name);
      return (
        source && {
          name: source.name,
          size: source.size,
          read(offset, length) {
            read += length;
            return source.read(offset, length);
          },
        }
      );
    },
  });
  report(`opening ${((tableCount * tableBytes) / 1e9).toFixed(2)} GB`);
  const opened = grown();
  const row = new Map([["row", int64Vector([3])]]);
  evaluateGraph(graph, row, { wanted: [graph.root.outputs[17]!.value] });
  report("one output");
  const one = read;
  let peak = 0;
  evaluateGraph(graph, row, { keep: () => void (peak = Math.max(peak, grown())) });
  report(`all outputs (at most ${peak.toFixed(0)} MB)`);
  process.exitCode = opened < 200 && one === tableBytes ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
