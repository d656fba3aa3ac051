/** Graph layout, off the window's thread. */
import { LayoutEngine, type LayoutResult } from "../layout/index.ts";
import type { LayoutApi } from "./layout-protocol.ts";
import { serve, type Api, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";

const engine = new LayoutEngine();
const pictures = new Map<string, LayoutResult>();
const remembered = 8;

const api: LayoutApi = {
  layout({ picture, graph, lineage }) {
    const previous = pictures.get(picture);
    const layout = engine.layout(graph, { ...(previous && { previous }), ...(lineage && { lineage }) });
    pictures.delete(picture);
    pictures.set(picture, layout);
    for (const oldest of pictures.keys()) {
      if (pictures.size <= remembered) break;
      pictures.delete(oldest);
    }
    // Copied, not moved: the next layout needs it here.
    return Promise.resolve(layout);
  },
};

serve(self as unknown as Port<ServerMessage, ClientMessage>, api as unknown as Api);
