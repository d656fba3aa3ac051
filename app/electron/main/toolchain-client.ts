import { fileURLToPath } from "node:url";
import { utilityProcess } from "electron";
import type { ToolchainRunner } from "../../shared/toolchain.ts";
import type { ToolchainReply, ToolchainRequest } from "./toolchain-process.ts";

/** Runs the toolchain in a utility process of its own and ends that with the run. */
export const runToolchainInUtility: ToolchainRunner = (folder, emit, signal) =>
  new Promise((done) => {
    const child = utilityProcess.fork(fileURLToPath(new URL("toolchain.mjs", import.meta.url)), [], {
      serviceName: "graphwright-toolchain",
      stdio: "ignore",
    });
    const send = (message: ToolchainRequest): void => child.postMessage(message);
    const cancel = (): void => send({ type: "cancel" });
    let finished = false;
    child.once("spawn", () => {
      send({ type: "run", folder });
      if (signal.aborted) cancel();
      else signal.addEventListener("abort", cancel, { once: true });
    });
    child.on("message", (reply: ToolchainReply) => {
      if (reply.type === "event") emit(reply.event);
      else {
        finished = true;
        signal.removeEventListener("abort", cancel);
        done(reply.result);
        child.kill();
      }
    });
    child.once("exit", (code) => {
      signal.removeEventListener("abort", cancel);
      if (!finished) done({ ok: false, cancelled: signal.aborted, message: `The toolchain's process ended with code ${code}.` });
    });
  });
