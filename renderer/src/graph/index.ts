export { GraphCanvas, MAX_CARDS, NEAR_ZOOM, type GraphCanvasHandle, type GraphCanvasProps } from "./GraphCanvas.tsx";
export * from "./model.ts";
