import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KeptStore } from "../shared/kept-store.ts";
import { temporaryFolder } from "./temporary.ts";

const stream = (text: string): ReadableStream<Uint8Array> => new Blob([text]).stream();

test("work of a run that ended is told from work of one that is still going", async () => {
  const folder = await temporaryFolder();
  const store = new KeptStore(folder);
  await store.write(`journal.${store.run}.one`, stream("mine"));
  // A run of this very process under another name, and one whose process is gone.
  await writeFile(join(folder, "run.alive"), String(process.ppid));
  await writeFile(join(folder, "journal.alive.two"), "other");
  await writeFile(join(folder, "run.dead"), "999999999");
  await writeFile(join(folder, "journal.dead.three"), "lost");
  const found = new Map((await store.list("journal.")).map((entry) => [entry.key, entry.elsewhere]));
  expect(found).toEqual(new Map([[`journal.${store.run}.one`, false], ["journal.alive.two", true], ["journal.dead.three", false]]));
});

test("a write that breaks off leaves what was there", async () => {
  const store = new KeptStore(await temporaryFolder());
  await store.write("pref.a", stream("whole"));
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(10));
      controller.error(new Error("gone"));
    },
  });
  await expect(store.write("pref.a", broken)).rejects.toThrow("gone");
  expect(await store.read("pref.a")).toBe("whole");
  expect(await store.list("")).toHaveLength(1);
});
