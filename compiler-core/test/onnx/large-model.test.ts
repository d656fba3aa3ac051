/** A model of 4 GiB: opening reads no weights, evaluation those it needs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileBlob, siblingsOf } from "../../../app/cli/file-blob.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { importModel } from "../../src/importers/index.ts";
import { int64Vector } from "../../src/ir/index.ts";
import { isTensor, typeRules } from "../../src/ops/index.ts";
import { createSession, silentTask, type SiblingFiles } from "../../src/session/index.ts";
import { tableBytes, tableCount, writeLargeModel } from "../fixtures/large-model.ts";

const folder = mkdtempSync(path.join(tmpdir(), "graphwright-large-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = writeLargeModel(folder);

/** The files beside the model, counting what is read of them. */
function counted(): { siblings: SiblingFiles; bytes: () => number } {
  let bytes = 0;
  const beside = siblingsOf(file);
  const siblings: SiblingFiles = (name) => {
    const source = beside(name);
    return source && {
      name: source.name,
      size: source.size,
      read(offset, length) {
        bytes += length;
        return source.read(offset, length);
      },
    };
  };
  return { siblings, bytes: () => bytes };
}

/** Growth of the process's memory in MB. */
async function growth(work: () => Promise<void> | void): Promise<number> {
  const before = process.memoryUsage().rss;
  await work();
  return (process.memoryUsage().rss - before) / 1e6;
}

test("opening 4 GiB reads no weights and takes less than 200 MB", async () => {
  const { siblings, bytes } = counted();
  const session = createSession();
  const grown = await growth(async () => {
    const opened = await session.open({ source: new FileBlob(file), siblings }, silentTask);
    expect(opened.summary.cost.nodes).toBe(tableCount);
    expect(opened.summary.cost.parameters).toBe((tableCount * tableBytes) / 4);
  });
  expect(bytes()).toBe(0);
  expect(grown).toBeLessThan(200);
});

test("an output that needs one table reads one table", async () => {
  const { siblings, bytes } = counted();
  const { graph } = importModel(new FileBlob(file), { rules: typeRules, siblings });
  const output = graph.root.outputs[17]!;
  const grown = await growth(() => {
    const [value] = evaluateGraph(graph, new Map([["row", int64Vector([3])]]), { wanted: [output.value] });
    expect(isTensor(value) && value.dims).toEqual([1, 4096]);
  });
  expect(bytes()).toBe(tableBytes);
  // The bytes as read and the numbers made of them.
  expect(grown).toBeLessThan(3 * (tableBytes / 1e6));
});
