/** Sites the program may open in the person's browser: documentation it links to, and nothing a model could name. */
const allowedHosts: readonly string[] = [
  "github.com",
  "onnx.ai",
  "onnxruntime.ai",
  "mlc.ai",
  "arxiv.org",
  "netron.app",
];

export function isAllowedExternal(address: string): boolean {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return false;
  }
  return url.protocol === "https:" && url.port === "" && url.username === "" && url.password === "" && allowedHosts.includes(url.hostname);
}
