/** `npm start [-- path/to/model.onnx]`: installs and builds what is needed, then opens the program. */
import { parseArgs } from "node:util";
import { ensureInstalled } from "./setup.mjs";

const usage = `npm start -- [options] [MODEL]

Opens Graphwright on MODEL, or on the bundled example.
  --browser        use the browser host even where Electron can run
  --no-open        start the browser host and print its address only
  --port N         port of the browser host (default: a free one)
  --exports DIR    where the browser host saves and exports (default: ~/graphwright-exports)`;

let parsed;
try {
  parsed = parseArgs({
    allowPositionals: true,
    options: {
      browser: { type: "boolean" },
      "no-open": { type: "boolean" },
      port: { type: "string" },
      exports: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  process.exit(2);
}
const { values, positionals } = parsed;
const port = values.port === undefined ? undefined : Number(values.port);
if (positionals.length > 1 || (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536))) {
  console.error(`${positionals.length > 1 ? "One model at a time." : `"${values.port}" is no port.`}\n\n${usage}`);
  process.exit(2);
}
if (values.help) {
  console.log(usage);
  process.exit(0);
}

await ensureInstalled();
const { buildAll } = await import("./build.mjs");
const { windowTargets } = await import("./build-targets.mjs");
try {
  await buildAll({ only: windowTargets });
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
const { launch } = await import("./launch.mjs");
process.exit(
  await launch({
    model: positionals[0],
    browser: values.browser,
    noOpen: values["no-open"],
    port,
    exportsFolder: values.exports,
  }),
);
