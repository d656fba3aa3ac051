import { serveToolchain } from "./toolchain-process.ts";

serveToolchain(process.parentPort, () => {
  // The result is on its way; the main process ends this one when it has it.
});
