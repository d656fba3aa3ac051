/** The compiler's only door for the window, the command line and the tests. */
export * from "./protocol.ts";
export { createSession, type Clock } from "./session.ts";
export { compilerVersion } from "./version.ts";
export { checkRange, MemoryBlob, type BlobRef, type BlobSource, type SiblingFiles } from "../support/blob.ts";
export { formatDiagnostic, formatWhere, GraphwrightError, type Where } from "../support/diagnostic.ts";
export { CancelledError, silentTask, type Task } from "../support/task.ts";
export { outlineTable } from "./outline.ts";
export { compileFlags, type CRunner, readRecord, recordText, refuseWrong, tune, type TuneResult, type TuningSteps } from "../tuner/index.ts";
