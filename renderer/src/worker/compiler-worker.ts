/** The compiler, off the window's thread. */
import { CancelledError, createSession } from "@graphwright/compiler-core";
import { serve, type Api, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";
import { remoteSession } from "./session-server.ts";

serve(self as unknown as Port<ServerMessage, ClientMessage>, remoteSession(createSession(() => performance.now())) as unknown as Api, () => new CancelledError());
