import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { FileRegistry } from "../shared/file-registry.ts";
import { temporaryFolder } from "./temporary.ts";

const folder = await temporaryFolder();
const model = join(folder, "models/net.onnx");
const registry = new FileRegistry();
let id: string;

beforeAll(async () => {
  await mkdir(join(folder, "models/weights"), { recursive: true });
  await mkdir(join(folder, "models/.hidden"));
  await writeFile(join(folder, "secret.bin"), "secret");
  await writeFile(join(folder, "models/weights/w.bin"), "weights");
  await writeFile(join(folder, "models/w.bin"), "weights");
  await writeFile(join(folder, "models/unnamed.bin"), "not the model's");
  await writeFile(join(folder, "models/net.bin"), "same stem");
  await writeFile(join(folder, "models/.hidden/w.bin"), "hidden");
  await symlink("../secret.bin", join(folder, "models/link.bin"));
  await symlink("weights/w.bin", join(folder, "models/inner-link.bin"));
  // The names appear in the model's bytes, as external data locations do; one lies across the border of two pieces.
  const names = "w.bin weights/w.bin ./w.bin link.bin inner-link.bin .hidden/w.bin ../secret.bin missing.bin weights";
  await writeFile(model, Buffer.concat([Buffer.alloc((1 << 20) - 3), Buffer.from(names)]));
  ({ id } = await registry.open(model));
});

describe("files beside an opened model", () => {
  test.each(["w.bin", "./w.bin", "weights/w.bin", "inner-link.bin", "net.bin"])("%s is served", async (location) => {
    expect((await registry.locateSibling(id, location)).size).toBeGreaterThan(0);
  });

  test.each([
    ["../secret.bin", "leaves the model's folder"],
    ["weights/../../secret.bin", "leaves the model's folder"],
    ["/etc/hostname", "absolute path"],
    ["C:\\Windows\\win.ini", "absolute path"],
    ["C:w.bin", "absolute path"],
    ["\\\\server\\share\\w.bin", "absolute path"],
    ["weights\\w.bin", "backslash"],
    [".hidden/w.bin", "hidden"],
    ["", "no file name"],
    ["w.bin\0.onnx", "no file name"],
    [".", "hidden"],
    ["link.bin", "link that leaves"],
    ["unnamed.bin", "does not name"],
  ])("%j is refused: %s", async (location, why) => {
    await expect(registry.locateSibling(id, location)).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining(why) as string,
    });
  });

  test("a missing one and a folder are told apart", async () => {
    await expect(registry.locateSibling(id, "missing.bin")).rejects.toMatchObject({ code: "not-found" });
    await expect(registry.locateSibling(id, "weights")).rejects.toMatchObject({ code: "not-a-file" });
  });
});

describe("opening", () => {
  test("a missing file and a folder are named", async () => {
    await expect(registry.open(join(folder, "nothing.onnx"))).rejects.toMatchObject({
      code: "not-found",
      message: `"${join(folder, "nothing.onnx")}" does not exist.`,
    });
    await expect(registry.open(folder)).rejects.toMatchObject({ code: "not-a-file", message: `"${folder}" is a folder.` });
  });

  test("an id that was never given out opens nothing", async () => {
    await expect(registry.locate("0".repeat(32))).rejects.toMatchObject({ code: "not-found" });
  });

  test("a file that another program rewrote is not read as the old one", async () => {
    const path = join(folder, "changing.onnx");
    await writeFile(path, "before");
    const file = await registry.open(path);
    await writeFile(path, "after, and longer");
    await expect(registry.locate(file.id)).rejects.toMatchObject({ code: "changed" });
    await rm(path);
    await expect(registry.locate(file.id)).rejects.toMatchObject({ code: "not-found" });
  });
});
