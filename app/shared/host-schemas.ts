/** Checks on everything a window sends, shared by the local server and the IPC wrapper. */
import * as v from "valibot";
import { menuRoles, type IpcMessage } from "./host-protocol.ts";

export const idSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, "not an id of this host"));
const text = (longest: number) => v.pipe(v.string(), v.maxLength(longest));
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const unsafeInName = /[/\\:*?"<>|\u0000-\u001f]/;
/** One file or folder name: no separators, no control characters, nothing reserved. */
export const nameSchema = v.pipe(
  v.string(),
  v.nonEmpty("a name is needed"),
  v.maxLength(200, "the name is longer than 200 characters"),
  v.check((name) => !unsafeInName.test(name), "the name contains a character that file systems reserve"),
  v.check((name) => !/^\.|[. ]$/.test(name), "the name starts with a dot or ends with a dot or a space"),
);

export const exportTargetSchema = v.strictObject({
  name: nameSchema,
  folder: v.optional(idSchema),
  overwrite: v.optional(v.boolean()),
});
export const toolchainRequestSchema = v.strictObject({ bundle: idSchema });
/** Flags that say how to compile, and name no file. */
export const measureRequestSchema = v.strictObject({
  source: text(8 << 20),
  flags: v.pipe(v.array(v.pipe(v.string(), v.regex(/^-(std=\w+|O[0-3s]|D\w+)$/, "not a flag for measuring"))), v.maxLength(8)),
});

const menuEntrySchema = v.variant("type", [
  v.strictObject({ type: v.literal("separator") }),
  v.strictObject({
    type: v.literal("command"),
    command: text(100),
    label: text(200),
    accelerator: v.optional(text(50)),
    enabled: v.optional(v.boolean()),
    checked: v.optional(v.boolean()),
  }),
  v.strictObject({ type: v.literal("role"), role: v.picklist(menuRoles), label: v.optional(text(200)) }),
]);

/** Arguments of each IPC message, as the preload sends them. */
export const ipcArguments = {
  openDialog: v.strictTuple([]),
  registerDropped: v.strictTuple([v.pipe(text(4096), v.nonEmpty("what was dropped is no file on this disk"))]),
  chooseFolder: v.strictTuple([]),
  chooseSaveTarget: v.strictTuple([nameSchema]),
  openExternal: v.strictTuple([text(2048)]),
  showInFolder: v.strictTuple([idSchema]),
  setMenu: v.strictTuple([
    v.pipe(
      v.array(v.strictObject({ label: text(100), entries: v.pipe(v.array(menuEntrySchema), v.maxLength(100)) })),
      v.maxLength(20),
    ),
  ]),
  setTitle: v.strictTuple([text(500), v.boolean()]),
} as const satisfies Record<IpcMessage, unknown>;

export type IpcArguments<M extends IpcMessage> = v.InferOutput<(typeof ipcArguments)[M]>;
