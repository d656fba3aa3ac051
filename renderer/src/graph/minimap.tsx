import { useEffect, useMemo, useRef, useState, type PointerEvent, type ReactNode } from "react";
import type { CanvasLabels } from "./model.ts";
import type { View } from "./overview.ts";
import type { Palette } from "./palette.ts";
import { groupAt, isGroup, nodeAt, type Scene } from "./scene.ts";
import styles from "./graph-canvas.module.css";

const MAX_WIDTH = 120;
const MAX_HEIGHT = 188;
const MIN_WIDTH = 44;
const SAMPLES = 6_000;

export interface MinimapHandle {
  /** in pixels */
  readonly width: number;
  readonly update: (view: View, width: number, height: number) => void;
}

interface MinimapProps {
  readonly scene: Scene;
  readonly palette: Palette;
  readonly labels: CanvasLabels;
  readonly onGo: (x: number, y: number) => void;
  readonly handle: { current: MinimapHandle | null };
  readonly whenRested?: ((then: () => void) => () => void) | undefined;
}

const atOnce = (then: () => void): (() => void) => {
  then();
  return () => undefined;
};

/** The whole graph small, stretched where its proportions leave no room, and the part in view as a frame. It follows the graph once that rests. */
export function Minimap({ scene, whenRested = atOnce, ...rest }: MinimapProps): ReactNode {
  const [shown, setShown] = useState(scene);
  useEffect(() => whenRested(() => setShown(scene)), [scene, whenRested]);
  return <MinimapPicture scene={shown} {...rest} />;
}

function MinimapPicture({ scene, palette, labels, onGo, handle }: Omit<MinimapProps, "whenRested">): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const { bounds } = scene.layout;
  const fit = useMemo(() => {
    const scale = Math.min(MAX_WIDTH / Math.max(1, bounds.width), MAX_HEIGHT / Math.max(1, bounds.height), 0.12);
    const width = Math.max(MIN_WIDTH, Math.round(bounds.width * scale));
    const height = Math.max(MIN_WIDTH, Math.round(bounds.height * scale));
    // A strip that is too thin to see is widened.
    const scaleX = bounds.width * scale < MIN_WIDTH - 12 ? Math.min((MIN_WIDTH - 12) / Math.max(1, bounds.width), 0.12) : scale;
    return { width, height, scaleX, scaleY: scale, left: (width - bounds.width * scaleX) / 2, top: (height - bounds.height * scale) / 2 };
  }, [bounds]);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || context === null || context === undefined) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    element.width = fit.width * ratio;
    element.height = fit.height * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { rects, boxCount } = scene;
    const stride = Math.ceil(boxCount / SAMPLES);
    for (let box = 0; box < boxCount; box++) {
      const marked = scene.flags[box] === 2;
      if (!marked && box % stride !== 0) continue;
      const group = isGroup(scene, box);
      if (group && groupAt(scene, box).expanded) continue;
      const diff = !marked ? undefined : group ? scene.data.groups?.get(groupAt(scene, box).id)?.diff : nodeAt(scene, box)?.diff;
      const warm = scene.heats?.[box];
      context.fillStyle = palette.color(marked ? `--state-${diff}` : warm !== undefined && !Number.isNaN(warm) ? `--heat-${Math.round(warm * 4)}` : scene.tokens[scene.token[box]!]!);
      context.globalAlpha = marked ? 1 : 0.75;
      const x = (rects[box * 4]! - bounds.x) * fit.scaleX + fit.left;
      const y = (rects[box * 4 + 1]! - bounds.y) * fit.scaleY + fit.top;
      const grow = marked ? 1 : 0;
      context.fillRect(x - grow, y - grow, Math.max(1.5, rects[box * 4 + 2]! * fit.scaleX) + 2 * grow, Math.max(1, rects[box * 4 + 3]! * fit.scaleY) + 2 * grow);
    }
  }, [scene, palette, fit, bounds]);

  useEffect(() => {
    handle.current = {
      width: fit.width,
      update(view, width, height) {
        const element = frame.current;
        if (element === null) return;
        const x = (-view.x / view.zoom - bounds.x) * fit.scaleX + fit.left;
        const y = (-view.y / view.zoom - bounds.y) * fit.scaleY + fit.top;
        const w = (width / view.zoom) * fit.scaleX;
        const h = (height / view.zoom) * fit.scaleY;
        const left = Math.max(0, Math.min(fit.width - 6, x));
        const top = Math.max(0, Math.min(fit.height - 6, y));
        element.style.transform = `translate(${left}px, ${top}px)`;
        element.style.width = `${Math.max(6, Math.min(fit.width, x + w) - left)}px`;
        element.style.height = `${Math.max(6, Math.min(fit.height, y + h) - top)}px`;
      },
    };
    return () => {
      handle.current = null;
    };
  }, [fit, bounds, handle]);

  const go = (event: PointerEvent<HTMLDivElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    onGo(
      (event.clientX - box.left - fit.left) / fit.scaleX + bounds.x,
      (event.clientY - box.top - fit.top) / fit.scaleY + bounds.y,
    );
  };
  return (
    <div
      className={styles["minimap"]}
      style={{ width: fit.width, height: fit.height }}
      title={labels.minimap}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={(event) => {
        if (event.buttons === 1) go(event);
      }}
      aria-hidden
    >
      <canvas ref={canvas} style={{ width: fit.width, height: fit.height }} />
      <div ref={frame} className={styles["minimap-frame"]} />
    </div>
  );
}
