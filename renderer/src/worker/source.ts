import type { SessionApi } from "@graphwright/compiler-core";
import type { ParamsOf, ResultOf, Task } from "./rpc.ts";

/** How the window names the bytes of a model to the compiler's worker: plain data that can be posted. */
export type SourceRef =
  | {
      readonly kind: "url";
      readonly name: string;
      readonly size: number;
      readonly url: string;
      /** Address of a file beside the model, to which the encoded relative path is appended. */
      readonly siblingUrl: string;
    }
  | { readonly kind: "file"; readonly name: string; readonly file: Blob; readonly siblings: readonly { readonly name: string; readonly file: Blob }[] }
  | { readonly kind: "bytes"; readonly name: string; readonly bytes: Uint8Array };

/** `SessionApi` as it can be posted: `open` takes a description of the source instead of the source. */
export type RemoteSession = {
  readonly [M in keyof SessionApi]: M extends "open"
    ? (params: { readonly source: SourceRef }, task: Task) => Promise<ResultOf<SessionApi["open"]>>
    : (params: ParamsOf<SessionApi[M]>, task: Task) => Promise<ResultOf<SessionApi[M]>>;
};
