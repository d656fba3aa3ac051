/** The one place that touches ipcMain. Every message is checked: top frame, our origin, arguments by schema. */
import { ipcMain, type IpcMainInvokeEvent } from "electron";
import { checked, errorBody, HostError } from "../../shared/host-error.ts";
import { ipcChannel, ipcMessages, type IpcMessage, type NativeBridge, type NativeReply } from "../../shared/host-protocol.ts";
import { ipcArguments, type IpcArguments } from "../../shared/host-schemas.ts";
import { appOrigin } from "./protocol.ts";

type ReplyOf<M extends IpcMessage> = Awaited<ReturnType<NativeBridge[M]>> extends NativeReply<infer T> ? T : never;

export type IpcHandlers = {
  readonly [M in IpcMessage]: (...args: IpcArguments<M>) => Promise<ReplyOf<M>> | ReplyOf<M>;
};

export function handleIpc(handlers: IpcHandlers): void {
  for (const message of ipcMessages) {
    ipcMain.handle(ipcChannel(message), (event, ...args: unknown[]) => answer(event, message, args, handlers));
  }
}

async function answer(
  event: IpcMainInvokeEvent,
  message: IpcMessage,
  args: readonly unknown[],
  handlers: IpcHandlers,
): Promise<NativeReply<unknown>> {
  try {
    requireOwnPage(event);
    const handler = handlers[message] as (...args: readonly unknown[]) => unknown;
    return { ok: true, value: await handler(...checked(ipcArguments[message], args, message)) };
  } catch (error) {
    return { ok: false, error: errorBody(error) };
  }
}

function requireOwnPage(event: IpcMainInvokeEvent): void {
  // null: the frame navigated or was destroyed after it sent the message.
  const frame = event.senderFrame;
  if (frame === null || frame.parent !== null || frame !== event.sender.mainFrame || frame.origin !== appOrigin) {
    throw new HostError("forbidden", "This message does not come from the program's own window.");
  }
}
