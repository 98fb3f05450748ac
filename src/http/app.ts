/** The HTTP side of Carillon: routes, the order of what happens to a request, and the one funnel for errors. */

import { Hono } from "hono";
import type { Services } from "../app/services.ts";
import { TokenCache } from "../auth/authenticate.ts";
import { newId } from "../domain/ids.ts";
import { docsPage } from "./docs/page.ts";
import { fromFault } from "./errors.ts";
import { ENDPOINTS, faceFor, ownerOf } from "./faces.ts";
import { methodsOf, parametersOf, routingPath } from "./methods.ts";
import { documentOf } from "./openapi.ts";
import { serve } from "./serve.ts";
import { OPERATIONS } from "./v1/operations.ts";

/** What the composition root is given to build the services of one request. */
export interface RequestContext<Bindings> {
  readonly env: Bindings;
  readonly executionCtx: Pick<ExecutionContext, "waitUntil">;
  /** The request's URL: its host is one of our own. */
  readonly url: string;
}

interface AppEnv<Bindings extends object> {
  Bindings: Bindings;
  Variables: { services: Services; requestId: string };
}

/** What a client may choose as its request's id, which is echoed and logged. */
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** A page that runs nothing and loads nothing. */
const DOCS_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
};

export function createApp<Bindings extends object>(
  servicesOf: (context: RequestContext<Bindings>) => Services,
): Hono<AppEnv<Bindings>> {
  const app = new Hono<AppEnv<Bindings>>();
  const tokenCache = new TokenCache();

  app.use(async function identify(c, next) {
    const services = servicesOf({ env: c.env, executionCtx: c.executionCtx, url: c.req.url });
    const given = c.req.header("x-request-id") ?? "";
    const requestId = REQUEST_ID.test(given) ? given : newId("req", services.clock.now(), services.random);
    c.set("services", services);
    c.set("requestId", requestId);
    await next();
    c.res.headers.set("x-request-id", requestId);
    c.res.headers.set("x-content-type-options", "nosniff");
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  });

  for (const { endpoint, face, rivals } of ENDPOINTS) {
    const { method, path } = endpoint.contract;
    const names = parametersOf(path);
    app.on(method.toUpperCase(), routingPath(path), async (c, next) => {
      if (rivals.length > 1 && faceFor(rivals, c.req.raw) !== face) return await next();
      const params = Object.fromEntries(names.map((name) => [name, c.req.param(name) ?? ""]));
      return await serve(endpoint, { request: c.req.raw, params, services: c.get("services"), tokenCache, face });
    });
  }

  let document: ReturnType<typeof documentOf> | null = null;
  const openApi = (): ReturnType<typeof documentOf> => (document ??= documentOf(OPERATIONS));
  app.get("/openapi.json", (c) => c.json(openApi()));
  app.get("/docs", async (c) => {
    const page = await docsPage(OPERATIONS, openApi(), new URL(c.req.url).origin);
    return c.body(page, 200, DOCS_HEADERS);
  });
  app.get("/", (c) => c.redirect("/docs"));

  app.notFound((c) => {
    const face = ownerOf(c.req.raw);
    const methods = methodsOf(new URL(c.req.url).pathname);
    if (methods.length === 0) {
      return face.refuse({ code: "not_found", message: "There is no such route; /docs lists those that there are." });
    }
    const allow = methods.join(", ");
    const message = `${c.req.method} is not available here; use ${methods.join(" or ")}.`;
    return face.refuse({ code: "method_not_allowed", message, headers: { allow } });
  });

  app.onError((fault, c) => {
    const services = c.get("services") as Services | undefined;
    // Without services the deployment itself is broken, which its operator must see in the platform's own log.
    if (services === undefined) throw fault;
    const requestId = c.get("requestId");
    services.report(fault, { request_id: requestId, method: c.req.method, route: c.req.routePath });
    return ownerOf(c.req.raw).refuse(fromFault(fault, requestId));
  });

  return app;
}
