/** An API that Carillon speaks: its endpoints, which requests are meant for it, and how it writes an error. */

import type { HttpError } from "./errors.ts";
import type { Endpoint } from "./operation.ts";

/**
 * Several faces share one server, and two of them may have an endpoint at the same path. Which face a request is meant
 * for is decided by `speaks`, in the order of `FACES`; of several with the path the last one takes what none claimed.
 */
export interface Face {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** Whether the request uses this API's manners (headers, parameters); asked only about paths that faces share. */
  speaks(request: Request): boolean;
  /** Whether a path is of this API, though it may have no endpoint there: then it is this API that says so. */
  owns(pathname: string): boolean;
  /** Writes an error as this API's clients expect it: status, body and headers. */
  refuse(error: HttpError): Response;
}
