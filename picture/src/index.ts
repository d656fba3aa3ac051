/** Pictures of graphs: from a table of nodes to groups, a layout, cards, and files. No DOM, no Node. */
export * from "./cards.ts";
export * from "./draw.ts";
export * from "./edges.ts";
export * from "./layout/index.ts";
export * from "./measure.ts";
export * from "./hierarchy.ts";
export * from "./palette.ts";
export * from "./picture.ts";
export * from "./picture-data.ts";
export * from "./repeats.ts";
export * from "./svg.ts";
export * from "./table.ts";
