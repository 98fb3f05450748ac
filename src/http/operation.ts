/** What an endpoint is: its route, its handler, and, of the native API, the contract that the documentation is made from. */

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

/** How a body is read; JSON unless it says otherwise. */
export interface BodyReading {
  /** Whether the body may be left out, which is then read as `{}`. */
  readonly optional?: boolean;
  /** A second form of the body, as plain text. */
  readonly text?: object;
  /** Takes any content type and any bytes, or none; the handler reads them. */
  readonly any?: true;
  /** The most bytes that are taken; 256 KB by default. */
  readonly bytesMost?: number;
}

export interface BodyContract extends BodyReading {
  readonly schema: z.ZodType;
  readonly example: unknown;
  /** Further bodies that fit the schema, each under the words that say what it is. */
  readonly moreExamples?: Readonly<Record<string, unknown>>;
  readonly text?: { readonly schema: z.ZodType; readonly example: string };
}

/** What it takes to find an endpoint and to read what was sent to it. */
export interface Route {
  /** Unique in its API; of the native one the `operationId`, and the anchor on the page of documentation. */
  readonly id: string;
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With parameters in braces, each with a name of its own: `/v1/jobs/{job_id}/pause`. */
  readonly path: string;
  readonly body?: BodyReading;
}

export interface Contract extends Route {
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
export type Endpoint<Described extends Route = Route> =
  | {
      readonly access: "public" | "operator";
      readonly contract: Described;
      handle(input: Input): Promise<Outcome<Answer>>;
    }
  | {
      readonly access: Permission;
      readonly contract: Described;
      handle(input: WorkspaceInput): Promise<Outcome<Answer>>;
    };

/** An endpoint of the native API. */
export type Operation = Endpoint<Contract>;

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
