export { GraphCanvas, MAX_CARDS, minZoomOf, NEAR_ZOOM, type GraphCanvasHandle, type GraphCanvasProps } from "./GraphCanvas.tsx";
export * from "./model.ts";
