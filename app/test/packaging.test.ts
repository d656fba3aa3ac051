/** The packaging configuration, read by electron-builder's own code. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inRoot, root } from "../tooling/run.mjs";

interface Builder {
  getConfig(projectFolder: string, configPath: string, options: null): Promise<Configuration>;
  validateConfiguration(config: Configuration, logger: { isEnabled: boolean; add(): void }): Promise<void>;
}
interface Configuration {
  readonly extends?: string;
  readonly electronVersion: string;
  readonly asar: boolean;
  readonly electronFuses: Readonly<Record<string, boolean>>;
  readonly fileAssociations: readonly { readonly ext: string }[];
  readonly linux: { readonly target: unknown };
  readonly extraMetadata: { readonly main: string };
}
// Its package offers no such export; the folder is part of electron-builder's fixed version.
const builder = (await import(inRoot("node_modules/app-builder-lib/out/util/config/config.js"))) as Builder;
const config = (path: string): Promise<Configuration> => builder.getConfig(root, path, null);
const shipped = await config("electron-builder.yml");

describe("packaging", () => {
  test("electron-builder accepts the configuration", async () => {
    await builder.validateConfiguration(shipped, { isEnabled: false, add: () => undefined });
    const wrong = { ...shipped, electronFuses: { noSuchFuse: true } };
    await expect(builder.validateConfiguration(wrong, { isEnabled: false, add: () => undefined })).rejects.toThrow(/configuration\.electronFuses/);
  });

  test("checklist 10: fuses", () => {
    expect(shipped.electronFuses).toEqual({
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      grantFileProtocolExtraPrivileges: false,
      enableCookieEncryption: true,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
    });
    expect(shipped.asar).toBe(true);
  });

  test("checklist 11: the build under test differs by the inspector's fuse only", async () => {
    const { extends: base, ...tested } = await config(join("app", "tooling", "electron-builder.e2e.yml"));
    expect(base).toBe("electron-builder.yml");
    expect(tested).toEqual({
      ...shipped,
      electronFuses: { ...shipped.electronFuses, enableNodeCliInspectArguments: true },
    });
  });

  test("checklist 12: the packaged Electron is the installed one", () => {
    const installed = JSON.parse(readFileSync(inRoot("node_modules/electron/package.json"), "utf8")) as { version: string };
    expect(shipped.electronVersion).toBe(installed.version);
  });

  test("targets, file association and entry", () => {
    expect(shipped).toMatchObject({
      linux: { target: ["AppImage", "deb"] },
      mac: { target: "dmg" },
      win: { target: "nsis" },
      fileAssociations: [{ ext: "graphwright" }, { ext: "onnx" }],
      extraMetadata: { main: "app/dist/electron/main.mjs" },
    });
  });
});
