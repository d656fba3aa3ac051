/**
 * Opens mutated model files: none may crash, take over 2 s, or allocate over 1 GB. What opens is printed, exported, and must
 * open again. Usage: fuzz [FILES] [SEED]
 * Prints how many were opened and refused, the slowest, the largest growth of memory; exits with 1 on a fault.
 */
import { fuzz } from "../test/fixtures/fuzz.ts";

const files = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? 1);
const { models, counts, faults, slowest, largest } = fuzz(".", process.env["GRAPHWRIGHT_SHARED"] || "../shared", files, seed, (message) => console.log(`FAULT ${message}`));
console.log(`${files} mutated files of ${models} models, seed ${seed}: ${counts.opened} opened, ${counts.refused} refused, ${faults.length} faults`);
console.log(`slowest ${slowest.milliseconds.toFixed(0)} ms (${slowest.what})`);
console.log(`largest growth ${(largest.bytes / 1e6).toFixed(1)} MB (${largest.what})`);
process.exitCode = faults.length === 0 ? 0 : 1;
