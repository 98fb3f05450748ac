/** Moments in schemas: ISO 8601 with milliseconds in UTC. */

import { z } from "@hono/zod-openapi";

export function momentOut() {
  return z.iso.datetime({ precision: 3 });
}
