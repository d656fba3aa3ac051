/** The `app://` scheme: the only thing the window can load. */
import { protocol, type Session } from "electron";
import type { HostApi } from "../../shared/host-api.ts";
import { securityHeaders } from "../../shared/security-headers.ts";

export const scheme = "app";
export const appOrigin = `${scheme}://graphwright`;
export const startPage = `${appOrigin}/index.html`;

/** Must run before the app is ready. Never bypassCSP: our policy applies to our pages too. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme,
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true, bypassCSP: false },
    },
  ]);
}

/** Answers `app://graphwright/...` with the handler both hosts share, and refuses every other way to load something. */
export function serveApp(session: Session, api: HostApi): void {
  session.protocol.handle(scheme, (request) => {
    const refused = (text: string): Response => new Response(text, { status: 400, headers: securityHeaders });
    // The address is normalized before it arrives, so a path that climbs out is noticed by what is still encoded in it;
    // static-files.ts does that.
    if (!request.url.startsWith(`${appOrigin}/`)) return refused("Not an address of this program.");
    return api.handle(request);
  });
  session.protocol.handle("file", () => new Response("file:// is not served.", { status: 403, headers: securityHeaders }));
  session.webRequest.onBeforeRequest({ urls: ["http://*/*", "https://*/*", "ws://*/*", "wss://*/*", "ftp://*/*"] }, (_details, answer) => {
    answer({ cancel: true });
  });
}
