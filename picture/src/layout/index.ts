export * from "./types.ts";
export { LayoutEngine, layoutGraph, closedGroupSize } from "./layout.ts";
export { scopePaths, scopeStrategies, type ScopeStrategy } from "./scopes.ts";
export { routePath, sampleRoute } from "./route-path.ts";
export { transferables } from "./transferables.ts";
