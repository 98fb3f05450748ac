/**
 * What one job's actor has to tell another's: start an execution, end one, hear of an end.
 *
 * Guarantee: an errand is saved before it is asked for and asked for again until it is confirmed done; a consumer carries
 * it, since actors do not call each other. Each errand may be done twice without harm: the child's id is fixed by its
 * parent, an end is taken once.
 */

import type { ExecutionError } from "../execution/execution.ts";
import type { ParentLink } from "../execution/stepRecord.ts";
import type { JsonValue } from "../json.ts";

/** How an execution that another one waits for has ended. */
export interface ChildEnd {
  /** The parent and its `run_job` step. */
  readonly executionId: string;
  readonly step: string;
  readonly childId: string;
  readonly status: "succeeded" | "failed" | "cancelled";
  readonly output: JsonValue;
  readonly error: ExecutionError | null;
}

/** What is to be done, whole, for the consumer that does it. */
export type ErrandOrder =
  | {
      readonly type: "start_child";
      readonly id: string;
      readonly workspaceId: string;
      readonly jobId: string;
      readonly childId: string;
      readonly parent: ParentLink;
      readonly input: JsonValue;
    }
  | { readonly type: "notify_parent"; readonly id: string; readonly end: ChildEnd }
  | { readonly type: "cancel_child"; readonly id: string; readonly workspaceId: string; readonly childId: string };

/** An order in the state. The input of a child stands in the record of its step. */
type Stored<Order> = Order extends { type: "start_child" } ? Omit<Order, "input"> : Order;
export type Errand = Stored<ErrandOrder> & {
  /** When to ask for it (again). */
  readonly dueMs: number;
  readonly tries: number;
};

export type ErrandOutcome =
  | { readonly type: "done" }
  /** The other actor refuses for good; `start_child` fails its step with this. */
  | { readonly type: "refused"; readonly error: ExecutionError };
