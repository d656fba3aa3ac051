/** Who may import whom (docs: the house). Each rule must also fire on layers-canary/, so a silent checker is noticed. */

/** Layers inside compiler-core/src and the layers each may import. @type {Record<string, readonly string[]>} */
const compilerLayers = {
  support: [],
  ir: ["support"],
  tensor: ["support", "ir"],
  // Operators carry their own lowering, hence tensor.
  ops: ["support", "ir", "tensor"],
  evaluate: ["support", "ir", "ops"],
  passes: ["support", "ir", "ops", "evaluate"],
  importers: ["support", "ir", "ops"],
  backends: ["support", "ir", "tensor"],
  bundle: ["support", "ir", "tensor", "ops", "backends"],
  tuner: ["support", "ir", "tensor", "ops", "backends", "bundle"],
  session: ["support", "ir", "tensor", "ops", "evaluate", "passes", "importers", "backends", "bundle", "tuner"],
};
const core = "^compiler-core/src";
const layerNames = Object.keys(compilerLayers).join("|");

/** @typedef {import("dependency-cruiser").IRegularForbiddenRuleType} Rule */

/** @param {string} name @param {string} comment @param {Rule["from"]} from @param {Rule["to"]} to @returns {Rule} */
const forbid = (name, comment, from, to) => /** @type {Rule} */ ({ name, comment, severity: "error", from, to });

/** @type {Rule[]} */
const layerRules = Object.entries(compilerLayers).flatMap(([layer, allowed]) => {
  const reachable = (/** @type {readonly string[]} */ names) => `${core}/(${[layer, ...names].join("|")})/`;
  const rule = (/** @type {string} */ name, /** @type {Rule["from"]} */ from, /** @type {readonly string[]} */ names) =>
    forbid(name, `${layer} may import ${[layer, ...names].join(", ")}`, from, { path: `${core}/`, pathNot: reachable(names) });
  // The onnx backend writes operators as the standard spells them, so it reads their schemas; and it writes what the
  // importer reads, so both share the description of the file format.
  if (layer === "backends") {
    return [
      rule("layer-backends", { path: `${core}/backends/(?!onnx/)` }, allowed),
      rule("layer-backends-onnx", { path: `${core}/backends/onnx/` }, [...allowed, "ops", "importers"]),
    ];
  }
  // Nothing lies above session: there is nothing it could break.
  return layer === "session" ? [] : [rule(`layer-${layer}`, { path: `${core}/${layer}/` }, allowed)];
});

/** @type {Rule[]} */
export const rules = [
  ...layerRules,
  forbid("layer-unknown", "a new folder of compiler-core/src needs a line in layers-rules.mjs",
    { path: `${core}/(?!(${layerNames})/)` }, { path: ".+" }),
  forbid("core-no-node", "compiler-core runs in a worker: no Node built-ins", { path: `${core}/` }, { dependencyTypes: ["core"] }),
  forbid("core-no-ui", "compiler-core knows no window", { path: `${core}/` },
    { path: "^(renderer|app|e2e)/|^(react|react-dom|electron|@xyflow/react|monaco-editor|zustand)(/|$)|node_modules/(react|react-dom|electron|@xyflow|monaco-editor|zustand)/" }),
  forbid("session-is-the-door", "outside compiler-core only src/session/index.ts is imported",
    { path: "^(renderer|app|e2e)/" }, { path: `${core}/`, pathNot: `${core}/session/index\\.ts$` }),
  forbid("compiler-runs-in-workers", "only renderer/src/worker/ imports compiler-core at run time; elsewhere import types",
    { path: "^renderer/src/", pathNot: "^renderer/src/worker/" }, { path: "^compiler-core/", dependencyTypesNot: ["type-only"] }),
  forbid("picture-stands-alone", "picture/ turns tables into pictures: nothing of windows, hosts or Node, and of the compiler only types",
    { path: "^picture/src/" }, { path: "^(renderer|app|e2e)/" }),
  forbid("picture-takes-types", "picture/ runs beside the compiler, not on it: import types",
    { path: "^picture/src/" }, { path: "^compiler-core/", dependencyTypesNot: ["type-only"] }),
  forbid("panels-are-islands", "a panel never imports another panel: share through state, commands or design",
    { path: "^renderer/src/panels/([^/]+)/" }, { path: "^renderer/src/panels/[^/]+/", pathNot: "^renderer/src/panels/$1/" }),
  forbid("host-knows-no-panels", "host/ does not know what is drawn", { path: "^renderer/src/host/" }, { path: "^renderer/src/panels/" }),
  forbid("app-knows-no-renderer", "app serves the renderer's build, never its sources", { path: "^app/" }, { path: "^renderer/src/" }),
  forbid("renderer-knows-the-protocol-only", "of app, the renderer imports shared/host-protocol.ts and shared/host-client.ts",
    { path: "^renderer/" }, { path: "^app/", pathNot: "^app/(shared/host-(protocol|client)\\.ts$|tooling/)" }),
  forbid("host-client-stays-in-host", "at run time only renderer/src/host/ talks to the host",
    { path: "^renderer/src/", pathNot: "^renderer/src/host/" }, { path: "^app/", dependencyTypesNot: ["type-only"] }),
  forbid("electron-in-its-folder", "only app/electron imports electron (and the stub that is typed by it)",
    { pathNot: "^app/(electron|test)/" }, { path: "^electron$|node_modules/electron/" }),
  forbid("hosts-share-only-shared", "what both hosts need is in app/shared",
    { path: "^app/(browser|cli|shared)/" }, { path: "^app/electron/" }),
  forbid("shared-is-below", "app/shared imports neither host nor the command line", { path: "^app/shared/" }, { path: "^app/(browser|cli|electron|tooling)/" }),
  forbid("compiler-in-cli-only", "in app only the command line runs the compiler", { path: "^app/(browser|shared|electron|tooling)/" }, { path: "^compiler-core/src/" }),
  forbid("preload-stands-alone", "a sandboxed preload has no Node and none of the main process",
    { path: "^app/electron/preload/" }, { path: "^app/electron/main/|^app/shared/(?!host-protocol\\.ts)" }),
  forbid("preload-no-node", "a sandboxed preload has no Node", { path: "^app/electron/preload/" }, { dependencyTypes: ["core"] }),
  forbid("no-cycles", "modules that need each other are one module, or miss a third",
    {}, { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }),
  forbid("no-unresolved", "every import resolves", { pathNot: "^app/dist/" }, { couldNotResolve: true, pathNot: "^electron$|\\?(worker|url|raw|inline)" }),
];
