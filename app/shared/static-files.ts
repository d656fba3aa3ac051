/** The renderer's build, and nothing outside its folder. */
import { realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { contains } from "./file-registry.ts";
import { HostError } from "./host-error.ts";
import { serveFile } from "./serve-file.ts";

const contentTypes: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".woff": "font/woff",
  ".ttf": "font/ttf",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};

/** `pathname` as it stands in the address, still encoded. 400 for what would escape the folder, 404 when missing. */
export async function serveStatic(request: Request, folder: string, pathname: string): Promise<Response> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    throw new HostError("bad-request", "The address is not valid percent encoding.");
  }
  const segments = decoded.split("/").filter((segment) => segment !== "");
  if (/[\0\\]/.test(decoded) || segments.some((segment) => segment === ".." || segment === "." || segment.includes(":"))) {
    throw new HostError("bad-request", "The address leaves the program's folder.");
  }
  const wanted = segments.length === 0 ? ["index.html"] : segments;
  const base = await realpath(folder).catch(() => {
    throw new HostError("unavailable", `The window's files are missing (${folder}): run "npm run build".`);
  });
  const path = await realpath(join(base, ...wanted)).catch(() => {
    throw new HostError("not-found", `There is no ${wanted.join("/")} here.`);
  });
  if (!contains(base, path)) throw new HostError("bad-request", "The address leaves the program's folder.");
  const found = await stat(path);
  if (!found.isFile()) throw new HostError("not-found", `There is no file ${wanted.join("/")} here.`);
  return serveFile(request, { path, size: found.size }, {
    "content-type": contentTypes[extname(path).toLowerCase()] ?? "application/octet-stream",
    // The build names assets by their contents.
    "cache-control": wanted[0] === "assets" ? "private, max-age=31536000, immutable" : "no-cache",
  });
}
