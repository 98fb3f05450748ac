/** The HTTP face of Carillon: routes, the order of what happens to a request, and the one funnel for errors. */

import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Services } from "../app/services.ts";
import { TokenCache } from "../auth/authenticate.ts";
import { newId } from "../domain/ids.ts";
import { docsPage } from "./docs/page.ts";
import { errorResponse, fromAppError, fromFault } from "./errors.ts";
import { admit } from "./admit.ts";
import { methodsOf, routingPath } from "./methods.ts";
import { documentOf, parameterOf, registerOperation, registerSecurity } from "./openapi.ts";
import type { Answer, Input, Operation } from "./operation.ts";
import { parseJson, readText } from "./readBody.ts";
import { OPERATIONS } from "./v1/operations.ts";

/** What the composition root is given to build the services of one request. */
export interface RequestContext<Bindings> {
  readonly env: Bindings;
  readonly executionCtx: ExecutionContext;
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
): OpenAPIHono<AppEnv<Bindings>> {
  const app = new OpenAPIHono<AppEnv<Bindings>>();
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

  registerSecurity(app.openAPIRegistry);
  for (const operation of OPERATIONS) {
    const { method, path } = operation.contract;
    app.on(method.toUpperCase(), routingPath(path), (c) => serve(operation, c, tokenCache));
    registerOperation(app.openAPIRegistry, operation);
  }

  let document: ReturnType<typeof documentOf> | null = null;
  const openApi = (): ReturnType<typeof documentOf> => (document ??= documentOf(app));
  app.get("/openapi.json", (c) => c.json(openApi()));
  app.get("/docs", (c) => c.body(docsPage(OPERATIONS, openApi(), new URL(c.req.url).origin), 200, DOCS_HEADERS));
  app.get("/", (c) => c.redirect("/docs"));

  app.notFound((c) => {
    const methods = methodsOf(new URL(c.req.url).pathname);
    if (methods.length === 0) {
      return errorResponse({ code: "not_found", message: "There is no such route; /docs lists those that there are." });
    }
    const allow = methods.join(", ");
    const message = `${c.req.method} is not available here; use ${methods.join(" or ")}.`;
    return errorResponse({ code: "method_not_allowed", message, headers: { allow } });
  });

  app.onError((fault, c) => {
    const services = c.get("services") as Services | undefined;
    // Without services the deployment itself is broken, which its operator must see in the platform's own log.
    if (services === undefined) throw fault;
    const requestId = c.get("requestId");
    services.report(fault, { request_id: requestId, method: c.req.method, route: c.req.routePath });
    return errorResponse(fromFault(fault, requestId));
  });

  return app;
}

/** Who asks is settled before anything of the request is read; what is read is judged before anything is done. */
async function serve<Bindings extends object>(
  operation: Operation,
  c: Context<AppEnv<Bindings>>,
  tokenCache: TokenCache,
): Promise<Response> {
  const services = c.get("services");
  const request = c.req.raw;
  const admitted = await admit(operation.access, request.headers, services, tokenCache);
  if (!admitted.ok) return errorResponse(admitted.error);
  const body = await bodyOf(operation, request);
  if (!body.ok) return errorResponse(body.error);

  const parameter = parameterOf(operation.contract.path);
  const input: Input = {
    services,
    id: parameter === null ? "" : (c.req.param(parameter) ?? ""),
    query: new URL(request.url).searchParams,
    headers: request.headers,
    body: body.value,
  };
  const outcome = await handled(operation, input, admitted.value, tokenCache);
  return outcome.ok ? answerResponse(outcome.value) : errorResponse(fromAppError(outcome.error));
}

function handled(
  operation: Operation,
  input: Input,
  token: Awaited<ReturnType<typeof admit>> extends infer Admitted
    ? Extract<Admitted, { ok: true }> extends { value: infer Value }
      ? Value
      : never
    : never,
  tokenCache: TokenCache,
) {
  if (operation.access === "public" || operation.access === "operator") return operation.handle(input);
  if (token === null) throw new Error(`${operation.contract.id} was admitted without a token.`);
  return operation.handle({
    ...input,
    token,
    workspaceId: token.workspaceId,
    forgetToken: (tokenId) => tokenCache.forget(tokenId),
  });
}
