/** Where something went wrong. Every field that is known is filled in. */
export interface Where {
  readonly file?: string;
  /** byte offset in the file */
  readonly offset?: number;
  /** field path, as "graph.initializer[3].raw_data" */
  readonly field?: string;
  /** node name (or id when it has none) and operator */
  readonly node?: string;
  readonly line?: number;
  readonly column?: number;
}

export type Severity = "error" | "warning" | "info";

/** What went wrong, where, and what to do about it. */
export interface Diagnostic {
  readonly severity: Severity;
  /** stable kebab-case identifier, as "truncated-file" */
  readonly code: string;
  readonly message: string;
  readonly where?: Where;
  /** what the person can do */
  readonly hint?: string;
}

export function formatWhere(where: Where | undefined): string {
  if (!where) return "";
  const parts: string[] = [];
  if (where.file !== undefined) parts.push(where.file);
  if (where.line !== undefined) parts.push(`line ${where.line}${where.column === undefined ? "" : `:${where.column}`}`);
  if (where.offset !== undefined) parts.push(`byte ${where.offset}`);
  if (where.field !== undefined) parts.push(where.field);
  if (where.node !== undefined) parts.push(`node ${where.node}`);
  return parts.join(", ");
}

export function formatDiagnostic(diagnostic: Diagnostic): string {
  const at = formatWhere(diagnostic.where);
  return (at === "" ? "" : `${at}: `) + diagnostic.message + (diagnostic.hint === undefined ? "" : ` ${diagnostic.hint}`);
}

/** The one error class of the compiler: carries a diagnostic that the command line and the window show alike. */
export class GraphwrightError extends Error {
  readonly diagnostic: Diagnostic;

  constructor(code: string, message: string, where?: Where, hint?: string) {
    const diagnostic: Diagnostic = { severity: "error", code, message, where, hint };
    super(formatDiagnostic(diagnostic));
    this.name = "GraphwrightError";
    this.diagnostic = diagnostic;
  }

  /** The same error with more of its place filled in (inner fields win). */
  at(where: Where): GraphwrightError {
    const { code, message, where: inner, hint } = this.diagnostic;
    return new GraphwrightError(code, message, { ...where, ...inner }, hint);
  }
}

/** Runs `body`; any GraphwrightError that leaves it gets `where` added to its place. */
export function located<T>(where: Where, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof GraphwrightError) throw error.at(where);
    throw error;
  }
}
