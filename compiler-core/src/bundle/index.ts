export { buildBundle, bytesFile, fileBytes, type Bundle, type BundleFile, type BundleOptions } from "./build-bundle.ts";
export { lowerGraph, operatorLowering, scheduledNode } from "./lower-graph.ts";
export { sha256Of } from "./checksum.ts";
export { cIdentifier } from "./c-names.ts";
export { zipBundle } from "./zip.ts";
