/** A job's definition as the graph that the Trigify API keeps: a trigger, actions, and the edges between them. */

import type { Job } from "../../../domain/job/job.ts";
import type { StepDefinition } from "../../../domain/workflow/definition.ts";
import type { Action } from "./actions.ts";
import { REQUEST_STEP, actionKind, requestInputs, toAction } from "./actions.ts";
import type { Trigger } from "./triggers.ts";
import { toTrigger } from "./triggers.ts";

interface Conditional {
  readonly type: "if" | "else" | "loop" | "completed";
  readonly ref: string;
}

/** Where an edge begins. */
interface Origin {
  readonly from: string;
  readonly conditional?: Conditional;
}

export interface Edge extends Origin {
  readonly to: string;
}

export interface Graph {
  readonly trigger: Trigger;
  readonly actions: readonly Action[];
  readonly edges: readonly Edge[];
}

const SOURCE: Origin = { from: "$source" };

export function toGraph({ schedule, request, steps }: Pick<Job, "schedule" | "request" | "steps">): Graph {
  const trigger = toTrigger(schedule);
  if (steps === null) {
    const action = { ...REQUEST_STEP, kind: actionKind("http"), inputs: requestInputs(request) };
    return { trigger, actions: [action], edges: [{ ...SOURCE, to: action.id }] };
  }
  const graph = { actions: [] as Action[], edges: [] as Edge[] };
  walk(graph, steps, [SOURCE]);
  return { trigger, ...graph };
}

/** Adds a list of steps that follows the origins, and returns where what comes after it begins. */
function walk(
  graph: { readonly actions: Action[]; readonly edges: Edge[] },
  steps: readonly StepDefinition[],
  origins: readonly Origin[],
): readonly Origin[] {
  let open = origins;
  for (const step of steps) {
    graph.actions.push(toAction(step));
    graph.edges.push(...open.map((origin) => ({ ...origin, to: step.id })));
    open = exitsOf(graph, step);
  }
  return open;
}

function exitsOf(graph: Parameters<typeof walk>[0], step: StepDefinition): readonly Origin[] {
  const exit = (type: Conditional["type"], member: string): Origin => ({
    from: step.id,
    conditional: { type, ref: `!ref($.steps.${step.id}.${member})` },
  });
  switch (step.type) {
    case "condition":
      return [
        ...walk(graph, step.then, [exit("if", "result.result")]),
        ...walk(graph, step.else, [exit("else", "result.result")]),
      ];
    case "parallel":
      return step.branches.flatMap((branch) => walk(graph, branch, [{ from: step.id }]));
    case "for_each":
      walk(graph, step.steps, [exit("loop", "item")]);
      return [exit("completed", "isCompleted")];
    default:
      return [{ from: step.id }];
  }
}
