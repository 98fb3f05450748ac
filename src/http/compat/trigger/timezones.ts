/** `schedules.timezones`: the names that a schedule takes. The client asks without a token. */

import { ok } from "../../../domain/result.ts";
import type { Endpoint } from "../../operation.ts";

/** UTC goes first; `excludeUtc=true` leaves it out. */
export const listTimezones: Endpoint = {
  access: "public",
  contract: { id: "listTimezones", method: "get", path: "/api/v1/timezones" },
  handle({ query }) {
    const others = Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC");
    const timezones = query.get("excludeUtc") === "true" ? others : ["UTC", ...others];
    return Promise.resolve(ok({ status: 200, body: { timezones } }));
  },
};
