/** One slice of a bulk action. */

import type { Services } from "../services.ts";

export async function runSlice(_services: Services, _id: string): Promise<void> {
  throw new Error("Comes with the next commits.");
}
