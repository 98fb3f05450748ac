/** Time on the wire: ISO 8601 with milliseconds in UTC. */

import { z } from "@hono/zod-openapi";

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}

export function momentOut() {
  return z.iso.datetime({ precision: 3 });
}
