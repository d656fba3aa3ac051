export { GraphCanvas, MAX_CARDS, NEAR_ZOOM, type GraphCanvasHandle, type GraphCanvasProps } from "./GraphCanvas.tsx";
export { nodeSize, tagWidth, shortenMiddle, textEms } from "./measure.ts";
export * from "./model.ts";
