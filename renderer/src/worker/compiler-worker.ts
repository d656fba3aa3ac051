/** The compiler, off the window's thread. Answers the window, and on further ports whoever else is given one. */
import { CancelledError, createSession } from "@graphwright/compiler-core";
import { serve, type Api, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";
import { remoteSession } from "./session-server.ts";

const api = remoteSession(createSession(() => performance.now())) as unknown as Api;
const answer = (port: Port<ServerMessage, ClientMessage>): void => serve(port, api, () => new CancelledError());
const own = self as unknown as Port<ServerMessage, ClientMessage>;
answer(own);
const calls = own.onmessage!;
own.onmessage = (event) => {
  const data: unknown = event.data;
  if (data instanceof MessagePort) answer(data as unknown as Port<ServerMessage, ClientMessage>);
  else calls(event);
};
