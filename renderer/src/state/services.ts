/** The compiler and the host, set once at start (and by tests). */
import type { Host } from "../host/host.ts";
import type { SessionClient } from "../worker/client.ts";
import type { PictureClient } from "../worker/picture-client.ts";

interface Services {
  readonly session: SessionClient;
  readonly pictures: PictureClient;
  readonly host: Host;
}
let current: Services | undefined;

export function setServices(services: Services): void {
  current = services;
}

export function services(): Services {
  if (!current) throw new Error("setServices was not called.");
  return current;
}
