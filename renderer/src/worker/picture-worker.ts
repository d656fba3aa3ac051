/** Pictures of graphs, off the window's thread. */
import { outlineTable } from "@graphwright/compiler-core";
import { openSource } from "./blob-sources.ts";
import { createPictures, pictureBuffers } from "./pictures.ts";
import { createClient, serve, type Api, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";
import type { RemoteSession } from "./source.ts";

// The first message is the port to the compiler's worker.
self.onmessage = ({ data }: MessageEvent<MessagePort>) => {
  const { api: session } = createClient<RemoteSession>(data as unknown as Port<ClientMessage, ServerMessage>);
  // An outline says which operators there are, not of which family.
  const families = new Map<string, string>();
  void session.operators({}).then(({ operators }) => operators.forEach(({ domain, op, family }) => families.set(`${domain}:${op}`, family)));
  const pictures = createPictures(session, (name, source, task) => outlineTable(name, openSource(source).source, task, (domain, op) => families.get(`${domain}:${op}`)));
  serve(self as unknown as Port<ServerMessage, ClientMessage>, pictures as unknown as Api, undefined, pictureBuffers);
};
