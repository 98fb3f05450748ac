/** Ids of jobs that all live in the same object (ADR 0018), for tests of what neighbours do to each other. */

import { newSharedJobId, setOfHour } from "../../src/domain/ids.ts";

/** Of one hour and one number, which name the object; the rest is drawn. */
export function idInOneObject(atMs: number): string {
  let drawn = 0;
  return newSharedJobId(atMs, setOfHour(atMs), () => (drawn++ === 0 ? 0 : Math.random()));
}
