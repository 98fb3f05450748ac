/** What an endpoint is: its contract, from which the documentation is made, and its handler. */

import type { z } from "@hono/zod-openapi";
import type { Outcome } from "../app/errors.ts";
import type { InboundBody } from "../app/inbound/inboundBody.ts";
import type { Services } from "../app/services.ts";
import type { JsonValue } from "../domain/json.ts";
import type { Permission, Token } from "../domain/workspace/workspace.ts";
import type { HttpErrorCode } from "./errors.ts";

export interface AnswerContract {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Must fit the schema; a test sees to it. */
  readonly example?: unknown;
  /** A page for people, whose schema is a text; JSON by default. */
  readonly contentType?: "text/html";
}

export interface BodyContract {
  readonly schema: z.ZodType;
  readonly example: unknown;
  /** Further bodies that fit the schema, each under the words that say what it is. */
  readonly moreExamples?: Readonly<Record<string, unknown>>;
  /** Whether the body may be left out, which is then read as `{}`. */
  readonly optional?: boolean;
  /** A second form of the body, as plain text. */
  readonly text?: { readonly schema: z.ZodType; readonly example: string };
  /** Takes any content type and any bytes, or none; the handler reads them. */
  readonly any?: true;
}

export interface Contract {
  /** `operationId`; also the anchor on the page of documentation. */
  readonly id: string;
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With parameters in braces, each with a name of its own: `/v1/jobs/{job_id}/pause`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  readonly query?: z.ZodObject;
  /** Part of the URL in the example of a call, such as `?limit=10`. */
  readonly queryExample?: string;
  readonly headers?: z.ZodObject;
  readonly body?: BodyContract;
  readonly answers: Readonly<Record<number, AnswerContract>>;
  /** Beyond those that every operation of its kind may answer with. */
  readonly errors: readonly HttpErrorCode[];
}

export interface Input {
  readonly services: Services;
  /** The first parameter in the path, which says what the call is about; empty when there is none. */
  readonly id: string;
  /** Every parameter in the path, by its name. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body:
    | { readonly type: "json"; readonly value: JsonValue }
    | { readonly type: "text"; readonly text: string }
    | ({ readonly type: "any" } & InboundBody);
}

export interface WorkspaceInput extends Input {
  readonly workspaceId: string;
  readonly token: Token;
  /** Makes this isolate forget a token that was deleted. */
  forgetToken(tokenId: string): void;
}

export interface Answer {
  readonly status: number;
  /** `null` for an answer without a body; the whole text of a page that says so in its `content-type`. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who may call: everybody, the operator alone, or a token of the workspace whose role has the permission. */
export type Operation =
  | {
      readonly access: "public" | "operator";
      readonly contract: Contract;
      handle(input: Input): Promise<Outcome<Answer>>;
    }
  | {
      readonly access: Permission;
      readonly contract: Contract;
      handle(input: WorkspaceInput): Promise<Outcome<Answer>>;
    };

/** The value of a body of which the contract says that it is JSON. */
export function jsonBody(input: Input): JsonValue {
  if (input.body.type === "any") throw new Error("The contract of this operation takes any body.");
  return input.body.type === "json" ? input.body.value : input.body.text;
}

/** The bytes of a body of which the contract says that it may be anything. */
export function anyBody(input: Input): InboundBody {
  if (input.body.type !== "any") throw new Error("The contract of this operation takes JSON.");
  return input.body;
}

/** A parameter that the contract's path names. */
export function param(input: Input, name: string): string {
  const value = input.params[name];
  if (value === undefined) throw new Error(`The path of this operation has no parameter ${name}.`);
  return value;
}
