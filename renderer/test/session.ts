/** The real compiler behind the real worker protocol, on a message channel instead of a worker. */
import { readFileSync } from "node:fs";
import { CancelledError, createSession, MemoryBlob, type SessionApi } from "@graphwright/compiler-core";
import { createMemoryHost, type MemoryHost } from "../src/host/memory.ts";
import type { OpenedFile } from "../src/host/host.ts";
import { clearQueries } from "../src/state/query.ts";
import { setServices } from "../src/state/services.ts";
import { initialState, useStore } from "../src/state/store.ts";
import type { SessionClient } from "../src/worker/client.ts";
import type { PictureClient } from "../src/worker/picture-client.ts";
import type { PictureApi } from "../src/worker/picture-protocol.ts";
import { createPictures, pictureBuffers } from "../src/worker/pictures.ts";
import { createClient, serve, type Api, type ClientMessage, type Port, type ServerMessage } from "../src/worker/rpc.ts";
import type { RemoteSession } from "../src/worker/source.ts";

/** Both ends of a channel, closed by `close` so that the test runner can end. */
export function channel(): { readonly client: Port<ClientMessage, ServerMessage>; readonly server: Port<ServerMessage, ClientMessage>; close(): void } {
  const { port1, port2 } = new MessageChannel();
  return {
    client: port1 as unknown as Port<ClientMessage, ServerMessage>,
    server: port2 as unknown as Port<ServerMessage, ClientMessage>,
    close() {
      port1.close();
      port2.close();
    },
  };
}

/** A session whose files are read whole: Node has no FileReaderSync. */
const inMemory = (session: SessionApi): RemoteSession => ({
  ...session,
  async open({ source }, task) {
    if (source.kind === "url") throw new Error("Tests open files.");
    const bytes = source.kind === "bytes" ? source.bytes : new Uint8Array(await source.file.arrayBuffer());
    return session.open({ source: new MemoryBlob(source.name, bytes) }, task);
  },
});

export interface TestWindow {
  readonly host: MemoryHost;
  readonly session: SessionClient;
  readonly pictures: PictureClient;
  close(): void;
}

/** A window's state over the real compiler and a host in memory. `change` may replace methods of the session. */
export function testWindow(change: (session: RemoteSession) => Partial<RemoteSession> = () => ({})): TestWindow {
  const ends = channel();
  const real = inMemory(createSession(() => performance.now()));
  serve(ends.server, { ...real, ...change(real) } as unknown as Api, () => new CancelledError());
  const session = createClient<RemoteSession>(ends.client).api;
  const pictureEnds = channel();
  serve(pictureEnds.server, createPictures(session, () => undefined) as unknown as Api, undefined, pictureBuffers);
  const pictures = createClient<PictureApi>(pictureEnds.client).api;
  const host = createMemoryHost();
  setServices({ session, pictures, host });
  clearQueries();
  useStore.setState(initialState, true);
  return {
    host,
    session,
    pictures,
    close() {
      ends.close();
      pictureEnds.close();
    },
  };
}

const examples = new URL("../../examples/", import.meta.url);

export function exampleFile(path = "digits/digits.onnx"): OpenedFile {
  const bytes = readFileSync(new URL(path, examples));
  return fileOf(path.slice(path.lastIndexOf("/") + 1), bytes);
}

let lastId = 0;
export const fileOf = (name: string, bytes: Uint8Array): OpenedFile => ({
  id: String(++lastId).padStart(32, "0"),
  name,
  size: bytes.length,
  blob: new Blob([bytes as Uint8Array<ArrayBuffer>]),
});
