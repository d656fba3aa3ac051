export { buildBundle, builtInInputs, type Bundle, type BundleOptions } from "./build-bundle.ts";
export { type BundleFile, bytesFile, fileBytes } from "./bundle-file.ts";
export { generateCode, type GeneratedCode } from "./generate.ts";
export { buildWasmBundle, generateWasm, type GeneratedWasm } from "./build-wasm-bundle.ts";
export { loadWasm, type LoadedWasm } from "./load-wasm.ts";
export { keyOfValue, lowerGraph, operatorLowering, scheduledNode, scheduleKernel } from "./lower-graph.ts";
export { sha256Of } from "./checksum.ts";
export { cIdentifier } from "./c-names.ts";
export { zipBundle } from "./zip.ts";
