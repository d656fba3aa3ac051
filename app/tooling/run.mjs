/** Child processes for the tooling: no shell, no input, and a time limit that ends the whole process group. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Path of a file in the repository. @param {string} path */
export const inRoot = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * @typedef {object} RunResult
 * @property {number} code   exit code; 124 when the time limit ended it, 127 when it could not start
 * @property {string} output stdout and stderr in order of arrival; empty when inherited
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ inherit?: boolean, env?: Record<string, string>, timeoutMs?: number }} [options]
 * @returns {Promise<RunResult>}
 */
export function run(command, args, options = {}) {
  const windows = process.platform === "win32";
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", options.inherit ? "inherit" : "pipe", options.inherit ? "inherit" : "pipe"],
      detached: !windows,
    });
    let output = "";
    let timedOut = false;
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    const end = () => {
      if (child.pid === undefined) return;
      try {
        if (windows) child.kill("SIGKILL");
        else process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    };
    const timer = options.timeoutMs
      ? setTimeout(() => {
          timedOut = true;
          end();
        }, options.timeoutMs)
      : undefined;
    // A detached child does not get the terminal's Ctrl+C.
    const interrupted = () => {
      end();
      process.exit(130);
    };
    process.once("SIGINT", interrupted);
    process.once("SIGTERM", interrupted);
    /** @param {number} code */
    const finish = (code) => {
      clearTimeout(timer);
      process.off("SIGINT", interrupted);
      process.off("SIGTERM", interrupted);
      resolve({ code, output });
    };
    child.once("error", (error) => {
      output += `${command}: ${error.message}\n`;
      finish(127);
    });
    child.once("close", (code) => finish(timedOut ? 124 : (code ?? 1)));
  });
}

/** Seconds since `start` (from performance.now()), for people. @param {number} start */
export const secondsSince = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;
