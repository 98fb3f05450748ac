/** What happens to a request once its operation is known. */

import type { Outcome } from "../app/errors.ts";
import type { Services } from "../app/services.ts";
import type { TokenCache } from "../auth/authenticate.ts";
import { ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import type { Token } from "../domain/workspace/workspace.ts";
import { admit } from "./admit.ts";
import type { HttpError } from "./errors.ts";
import { fromAppError } from "./errors.ts";
import type { Face } from "./face.ts";
import type { Answer, Endpoint, Input } from "./operation.ts";
import { parseJson, readBytes, readText } from "./readBody.ts";

export interface Call {
  readonly request: Request;
  /** The parameters in the path, in its order. */
  readonly params: Readonly<Record<string, string>>;
  readonly services: Services;
  readonly tokenCache: TokenCache;
  /** The API that the endpoint belongs to. */
  readonly face: Face;
}

/** Who asks is settled before anything of the body is read; what is read is judged before anything is done. */
export async function serve(endpoint: Endpoint, call: Call): Promise<Response> {
  const { request, params, services, tokenCache, face } = call;
  const admitted = await admit(endpoint.access, request.headers, services, tokenCache);
  if (!admitted.ok) return face.refuse(admitted.error);
  const body = await readBodyOf(endpoint, request);
  if (!body.ok) return face.refuse(body.error);
  const query = new URL(request.url).searchParams;
  const id = Object.values(params)[0] ?? "";
  const input: Input = { services, id, params, query, headers: request.headers, body: body.value };
  const outcome = await handle(endpoint, input, admitted.value, tokenCache);
  return outcome.ok ? answerResponse(outcome.value) : face.refuse(fromAppError(outcome.error));
}

function handle(
  endpoint: Endpoint,
  input: Input,
  token: Token | null,
  tokenCache: TokenCache,
): Promise<Outcome<Answer>> {
  if (endpoint.access === "public" || endpoint.access === "operator") return endpoint.handle(input);
  if (token === null) throw new Error(`${endpoint.contract.id} was admitted without a token.`);
  const forgetToken = (tokenId: string): void => tokenCache.forget(tokenId);
  return endpoint.handle({ ...input, token, workspaceId: token.workspaceId, forgetToken });
}

const NO_BODY: Input["body"] = { type: "json", value: {} };

async function readBodyOf({ contract }: Endpoint, request: Request): Promise<Result<Input["body"], HttpError>> {
  if (contract.body === undefined) return ok(NO_BODY);
  if (contract.body.any === true) {
    const bytes = await readBytes(request, contract.body.bytesMost);
    return bytes.ok ? ok({ type: "any", bytes: bytes.value, contentType: request.headers.get("content-type") }) : bytes;
  }
  const text = await readText(request, contract.body.bytesMost);
  if (!text.ok) return text;
  if (contract.body.text !== undefined && isPlainText(request)) return ok({ type: "text", text: text.value });
  if (contract.body.optional === true && text.value.trim() === "") return ok(NO_BODY);
  const json = parseJson(text.value);
  return json.ok ? ok({ type: "json", value: json.value }) : json;
}

function isPlainText(request: Request): boolean {
  return /^text\/plain\b/i.test(request.headers.get("content-type") ?? "");
}

function answerResponse({ status, body, headers }: Answer): Response {
  if (body === null) return new Response(null, { status, headers: headers ?? {} });
  if (typeof body === "string") return new Response(body, { status, headers: headers ?? {} });
  return Response.json(body, { status, headers: headers ?? {} });
}
