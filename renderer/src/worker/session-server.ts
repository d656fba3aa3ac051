import type { SessionApi } from "@graphwright/compiler-core";
import { openSource } from "./blob-sources.ts";
import type { RemoteSession } from "./source.ts";

export function remoteSession(session: SessionApi): RemoteSession {
  return { ...session, open: ({ source }, task) => session.open(openSource(source), task) };
}
