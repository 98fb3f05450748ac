/** What happens to a request once its operation is known. */

import type { Outcome } from "../app/errors.ts";
import type { Services } from "../app/services.ts";
import type { TokenCache } from "../auth/authenticate.ts";
import { ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import type { Token } from "../domain/workspace/workspace.ts";
import { admit } from "./admit.ts";
import type { HttpError } from "./errors.ts";
import { errorResponse, fromAppError } from "./errors.ts";
import type { Answer, Input, Operation } from "./operation.ts";
import { parseJson, readBytes, readText } from "./readBody.ts";

export interface Call {
  readonly request: Request;
  /** The parameters in the path, in its order. */
  readonly params: Readonly<Record<string, string>>;
  readonly services: Services;
  readonly tokenCache: TokenCache;
}

/** Who asks is settled before anything of the body is read; what is read is judged before anything is done. */
export async function serve(operation: Operation, call: Call): Promise<Response> {
  const { request, params, services, tokenCache } = call;
  const admitted = await admit(operation.access, request.headers, services, tokenCache);
  if (!admitted.ok) return errorResponse(admitted.error);
  const body = await readBodyOf(operation, request);
  if (!body.ok) return errorResponse(body.error);
  const query = new URL(request.url).searchParams;
  const id = Object.values(params)[0] ?? "";
  const input: Input = { services, id, params, query, headers: request.headers, body: body.value };
  const outcome = await handle(operation, input, admitted.value, tokenCache);
  return outcome.ok ? answerResponse(outcome.value) : errorResponse(fromAppError(outcome.error));
}

function handle(
  operation: Operation,
  input: Input,
  token: Token | null,
  tokenCache: TokenCache,
): Promise<Outcome<Answer>> {
  if (operation.access === "public" || operation.access === "operator") return operation.handle(input);
  if (token === null) throw new Error(`${operation.contract.id} was admitted without a token.`);
  const forgetToken = (tokenId: string): void => tokenCache.forget(tokenId);
  return operation.handle({ ...input, token, workspaceId: token.workspaceId, forgetToken });
}

const NO_BODY: Input["body"] = { type: "json", value: {} };

async function readBodyOf({ contract }: Operation, request: Request): Promise<Result<Input["body"], HttpError>> {
  if (contract.body === undefined) return ok(NO_BODY);
  if (contract.body.any === true) {
    const bytes = await readBytes(request);
    return bytes.ok ? ok({ type: "any", bytes: bytes.value, contentType: request.headers.get("content-type") }) : bytes;
  }
  const text = await readText(request);
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
