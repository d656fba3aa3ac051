import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ExportStore } from "../shared/export-store.ts";
import { temporaryFolder } from "./temporary.ts";

const base = await temporaryFolder();
let next = 0;
/** A store with a folder of its own. */
async function fresh(): Promise<{ folder: string; store: ExportStore }> {
  const folder = join(base, String(next++));
  await mkdir(folder);
  return { folder, store: new ExportStore(folder) };
}
const bytes = (text: string): ReadableStream<Uint8Array> => new Blob([text]).stream();
const everything = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

async function writeBundle(store: ExportStore, name: string, files: Record<string, string>, overwrite = false) {
  const id = await store.begin({ name, overwrite });
  for (const [path, text] of Object.entries(files)) await store.write(id, path, 0, bytes(text));
  return store.commit(id);
}

describe("a bundle is written as a whole", () => {
  test("files in folders, in pieces, appear at the end and not before", async () => {
    const { folder, store } = await fresh();
    const id = await store.begin({ name: "digits" });
    await store.write(id, "manifest.json", 0, bytes("{}"));
    await store.write(id, "weights/digits.bin", 0, bytes("abc"));
    await store.write(id, "weights/digits.bin", 3, bytes("defg"));
    await store.write(id, "empty.txt", 0, null);
    expect(await readdir(folder)).not.toContain("digits");
    const bundle = await store.commit(id);
    expect(bundle).toMatchObject({ path: join(folder, "digits"), files: 3, bytes: 9 });
    expect(await everything(folder)).toEqual(["digits/empty.txt", "digits/manifest.json", "digits/weights/digits.bin"]);
    expect(await readFile(join(folder, "digits/weights/digits.bin"), "utf8")).toBe("abcdefg");
    expect(store.bundleFolder(bundle.id)).toBe(join(folder, "digits"));
  });

  test("cancelled: nothing is left", async () => {
    const { folder, store } = await fresh();
    const id = await store.begin({ name: "digits" });
    await store.write(id, "src/digits.c", 0, bytes("int x;"));
    await store.abort(id);
    expect(await readdir(folder)).toEqual([]);
    await expect(store.write(id, "src/more.c", 0, bytes(""))).rejects.toMatchObject({ code: "not-found" });
  });

  test("the connection breaks in the middle of a file, then the window gives up: nothing is left", async () => {
    const { folder, store } = await fresh();
    const id = await store.begin({ name: "digits" });
    const broken = new ReadableStream<Uint8Array>({
      pull(stream) {
        stream.enqueue(new Uint8Array(100));
        stream.error(new Error("connection lost"));
      },
    });
    await expect(store.write(id, "weights.bin", 0, broken)).rejects.toThrow("connection lost");
    await store.abort(id);
    expect(await readdir(folder)).toEqual([]);
  });

  test("cancelled while a piece is being written: nothing is left", async () => {
    const { folder, store } = await fresh();
    const id = await store.begin({ name: "digits" });
    let release = (): void => undefined;
    const slow = new ReadableStream<Uint8Array>({
      start(stream) {
        stream.enqueue(new Uint8Array(10));
        release = () => stream.close();
      },
    });
    const writing = store.write(id, "weights.bin", 0, slow);
    await store.abort(id);
    release();
    await writing;
    expect(await readdir(folder)).toEqual([]);
  });

  test("the program ends: nothing unfinished is left", async () => {
    const { folder, store } = await fresh();
    const id = await store.begin({ name: "digits" });
    await store.write(id, "a.c", 0, bytes("x"));
    store.dispose();
    expect(await readdir(folder)).toEqual([]);
  });

  test("a bundle without files is not made", async () => {
    const { store } = await fresh();
    await expect(store.commit(await store.begin({ name: "digits" }))).rejects.toMatchObject({ code: "bad-request" });
  });
});

describe("what is there is kept", () => {
  test("a folder with contents is not written to unless asked", async () => {
    const { folder, store } = await fresh();
    await writeBundle(store, "digits", { "manifest.json": "first" });
    await expect(store.begin({ name: "digits" })).rejects.toMatchObject({ code: "exists" });
    await writeBundle(store, "digits", { "manifest.json": "second", "new.c": "x" }, true);
    expect(await everything(folder)).toEqual(["digits/manifest.json", "digits/new.c"]);
    expect(await readFile(join(folder, "digits/manifest.json"), "utf8")).toBe("second");
  });

  test("a folder that is no bundle is not replaced even when asked", async () => {
    const { folder, store } = await fresh();
    await mkdir(join(folder, "thesis"));
    await writeFile(join(folder, "thesis/chapter-1.tex"), "years of work");
    await expect(store.begin({ name: "thesis", overwrite: true })).rejects.toMatchObject({ code: "not-a-bundle" });
    expect(await everything(folder)).toEqual(["thesis/chapter-1.tex"]);
  });

  test("a folder that appears while exporting is kept, and the export is removed", async () => {
    const { folder, store } = await fresh();
    const id = await store.begin({ name: "digits" });
    await store.write(id, "manifest.json", 0, bytes("{}"));
    await mkdir(join(folder, "digits"));
    await writeFile(join(folder, "digits/mine.txt"), "mine");
    await expect(store.commit(id)).rejects.toMatchObject({ code: "exists" });
    expect(await everything(folder)).toEqual(["digits/mine.txt"]);
  });

  test("a saved file never replaces another", async () => {
    const { folder, store } = await fresh();
    expect((await store.save("net.onnx", bytes("one"))).name).toBe("net.onnx");
    expect((await store.save("net.onnx", bytes("two"))).name).toBe("net (2).onnx");
    expect(await everything(folder)).toEqual(["net (2).onnx", "net.onnx"]);
  });
});

describe("paths inside a bundle", () => {
  test.each(["../evil.c", "/etc/passwd", "a/../../evil.c", "a\\b.c", "a//b.c", "", ".", "src/", "a:b", "nul", "com1.c", "a\0b"])(
    "%j is refused",
    async (path) => {
      const { folder, store } = await fresh();
      const id = await store.begin({ name: "digits" });
      await expect(store.write(id, path, 0, bytes("x"))).rejects.toMatchObject({ code: "bad-request" });
      await store.abort(id);
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test("two names that differ in case only are refused", async () => {
    const { store } = await fresh();
    const id = await store.begin({ name: "digits" });
    await store.write(id, "README.md", 0, bytes("a"));
    await expect(store.write(id, "readme.md", 0, bytes("b"))).rejects.toThrow(/same file/);
    store.dispose();
  });

  test("a lost or repeated piece is noticed", async () => {
    const { store } = await fresh();
    const id = await store.begin({ name: "digits" });
    await store.write(id, "w.bin", 0, bytes("abc"));
    await expect(store.write(id, "w.bin", 0, bytes("abc"))).rejects.toThrow(/has 3 bytes so far/);
    await expect(store.write(id, "w.bin", 5, bytes("abc"))).rejects.toThrow(/has 3 bytes so far/);
    store.dispose();
  });
});
