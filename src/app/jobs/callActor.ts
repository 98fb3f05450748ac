/** Calls to actors that may fail because the platform does: what is safe to repeat is repeated. */

import type { JobActorProtocol } from "../../domain/engine/protocol.ts";
import type { JsonValue } from "../../domain/json.ts";
import { err, ok } from "../../domain/result.ts";
import type { Result } from "../../domain/result.ts";
import type { AppError } from "../errors.ts";
import { refused } from "../errors.ts";
import type { Services } from "../services.ts";

/** An object that moves or restarts is back at once; what fails three times in a row is down. */
const TRIES = 3;

/** Seconds after which a caller may ask again. */
const ACTOR_RETRY_AFTER_SECONDS = 5;

/**
 * Makes a call that may be made twice, with a fresh stub each time, because stubs break with most exceptions. An actor
 * that says it is overloaded is left in peace (facts/cloudflare-platform.md, "Errors seen by the caller"). The fault of
 * a call that was given up is reported.
 */
export async function callActor<T>(
  services: Pick<Services, "actors" | "report">,
  jobOrExecutionId: string,
  call: (actor: JobActorProtocol) => Promise<T>,
): Promise<Result<T, "unavailable">> {
  for (let tryNumber = 1; ; tryNumber++) {
    try {
      return ok(await call(services.actors.of(jobOrExecutionId)));
    } catch (fault) {
      if (tryNumber < TRIES && !isOverloaded(fault)) continue;
      services.report(fault, { call: "actor", id: jobOrExecutionId });
      return err("unavailable");
    }
  }
}

/** What a use case answers when the call was given up; `message` where more than asking again is to be said. */
export function actorUnavailable(
  message = "What runs this job could not be reached just now; try again.",
  details?: Readonly<Record<string, JsonValue>>,
): { readonly ok: false; readonly error: AppError } {
  return refused("actor_unavailable", message, {
    ...(details === undefined ? {} : { details }),
    retryAfterSeconds: ACTOR_RETRY_AFTER_SECONDS,
  });
}

function isOverloaded(fault: unknown): boolean {
  return typeof fault === "object" && fault !== null && "overloaded" in fault && fault.overloaded === true;
}
