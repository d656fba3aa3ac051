/** Lint rules: what the type checker does not see and what would cost a bug. Formatting is not linted. */
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";
import { root } from "./run.mjs";

const ipcMainOwner = "app/electron/main/ipc.ts";
const typescript = ["**/*.ts", "**/*.tsx"];

export default tseslint.config(
  {
    ignores: [
      "**/node_modules/",
      "**/dist/",
      "out/",
      "coverage/",
      "e2e/results/",
      "**/.cache/",
      "app/tooling/layers-canary/",
      "**/generated/",
      "**/*_pb.ts",
      "examples/",
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: [...typescript, "**/*.mjs"],
    extends: [tseslint.configs.base],
    rules: {
      "no-constant-condition": ["error", { checkLoops: false }],
      "no-control-regex": "error",
      "no-dupe-else-if": "error",
      "no-duplicate-case": "error",
      "no-empty": ["error", { allowEmptyCatch: false }],
      "no-eval": "error",
      "no-fallthrough": "error",
      "no-implied-eval": "error",
      "no-loss-of-precision": "error",
      "no-new-func": "error",
      "no-self-assign": "error",
      "no-sparse-arrays": "error",
      "no-unreachable": "error",
      "no-unsafe-finally": "error",
      "no-unsafe-negation": "error",
      "no-unused-expressions": "error",
      "no-useless-escape": "error",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "use-isnan": "error",
      "valid-typeof": "error",
    },
  },
  {
    files: typescript,
    languageOptions: { parserOptions: { project: "app/tooling/tsconfig.lint.json", tsconfigRootDir: root } },
    rules: {
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/ban-ts-comment": "error",
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
      ],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-for-in-array": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
    },
  },
  {
    // Event handlers live here; elsewhere this rule costs half of the lint's time and has nothing to find.
    files: ["app/{browser,cli,electron,shared}/**/*.ts", "renderer/src/**/*.ts", "renderer/src/**/*.tsx"],
    rules: {
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { arguments: true, attributes: false, inheritedMethods: false, properties: false, returns: false, variables: false } },
      ],
    },
  },
  {
    // vitest's describe and test return values that nobody awaits.
    files: ["**/test/**/*.ts", "**/test/**/*.tsx", "e2e/**/*.ts"],
    rules: {
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "vitest", name: ["describe", "test", "it"] }] },
      ],
    },
  },
  {
    // The same model gives the same result, byte for byte, on every machine and every day.
    files: ["compiler-core/src/**"],
    rules: {
      "no-console": "error",
      "no-restricted-globals": ["error", { name: "performance", message: "Time is the caller's business." }],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Results must be reproducible: take a seeded generator." },
        { object: "Date", property: "now", message: "Results must be reproducible: the caller gives the time." },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Results must be reproducible: the caller gives the time." },
      ],
    },
  },
  {
    files: ["renderer/**/*.ts", "renderer/**/*.tsx"],
    plugins: { "react-hooks": reactHooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
    },
  },
  { files: ["renderer/src/**"], rules: { "no-console": "error" } },
  {
    files: ["app/**", "e2e/**"],
    ignores: [ipcMainOwner, "app/test/electron-stub.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { paths: [{ name: "electron", importNames: ["ipcMain", "default"], message: `Only ${ipcMainOwner} touches ipcMain.` }] },
      ],
      "no-restricted-properties": ["error", { property: "ipcMain", message: `Only ${ipcMainOwner} touches ipcMain.` }],
    },
  },
);
