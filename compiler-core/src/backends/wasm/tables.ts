/** A constant array of a kernel: a passive data segment, named by its content so that kernels with equal text have equal tables. */
export interface WasmTable {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export function tableOf(bytes: Uint8Array): WasmTable {
  let hash = 0xcbf29ce484222325n;
  for (const b of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(b)) * 0x100000001b3n);
  return { name: `$table_${bytes.length}_${hash.toString(16)}`, bytes };
}

/** The segments of these tables in text format, each once. */
export function tableSegments(tables: readonly WasmTable[]): string[] {
  const byName = new Map(tables.map((t) => [t.name, t.bytes]));
  return [...byName].map(([name, bytes]) => `(data ${name} "${Array.from(bytes, (b) => `\\${b.toString(16).padStart(2, "0")}`).join("")}")`);
}
