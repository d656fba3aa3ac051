/**
 * The program around the window. One interface for Electron, the browser host and tests; a capability that a host does
 * not have is undefined, and the commands that need it hide.
 */
import type { HostBridge, OpenedFile } from "../../../app/shared/host-protocol.ts";

export type {
  BundleFile,
  ChosenFolder,
  Example,
  ExportedBundle,
  ExportTarget,
  HostInfo,
  KeptData,
  KeptEntry,
  MenuEntry,
  MenuSection,
  OpenedFile,
  SavedFile,
  ToolchainEvent,
  ToolchainResult,
} from "../../../app/shared/host-protocol.ts";

export { RememberedFileError } from "./recent-handles.ts";

export interface Host extends HostBridge {
  /** Files that the person gave together with this one (external data), where the page holds them itself. */
  siblingsOf(file: OpenedFile): readonly File[];
  /** Chooses which of several dropped files is the model; the others become its siblings. */
  registerAll(files: readonly File[], items?: DataTransferItemList): Promise<readonly OpenedFile[]>;
  /** The file that a `remembered` one stands for, for which the person is asked unless `ask` is false. Throws RememberedFileError. */
  reopen(file: OpenedFile, ask: boolean): Promise<OpenedFile>;
}

/** The code of a host's failure ("exists", "cancelled", ...), undefined for any other error. */
export function hostCode(error: unknown): string | undefined {
  return error instanceof Error && error.name === "HostFailure" ? (error as Error & { code: string }).code : undefined;
}
