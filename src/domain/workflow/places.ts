/**
 * Where steps stand. A definition has places (`loop[*].y`); an execution has paths (`loop[3].y`), one or many for each
 * place. What a step sees of another one follows from their places alone: the steps of a `for_each` are seen within the
 * same iteration only, everything else from everywhere after it.
 */

import type { JsonValue } from "../json.ts";
import { conditionValues } from "./conditions.ts";
import { nestedLists, type StepDefinition, stepPath } from "./definition.ts";

export interface Place {
  readonly step: StepDefinition;
  /** Its path with `[*]` for each iteration. */
  readonly pattern: string;
  /** Places of the `for_each` steps around it, outermost first. */
  readonly loops: readonly string[];
  /** The innermost branch around it. */
  readonly branch: number | "then" | "else" | null;
}

/** The places of all steps by their id, in the order of the definition. */
export type Places = ReadonlyMap<string, Place>;

const known = new WeakMap<readonly StepDefinition[], Places>();

export function placesOf(steps: readonly StepDefinition[]): Places {
  let places = known.get(steps);
  if (!places) {
    places = new Map(collect(steps, "", [], null).map((place) => [place.step.id, place]));
    known.set(steps, places);
  }
  return places;
}

function collect(
  steps: readonly StepDefinition[],
  prefix: string,
  loops: readonly string[],
  branch: Place["branch"],
): Place[] {
  return steps.flatMap((step) => {
    const pattern = stepPath(prefix, step.id);
    const nested = nestedLists(step).flatMap((list, index) => {
      if (step.type === "for_each") return collect(list.steps, pattern + list.key, [...loops, pattern], null);
      const key = step.type === "parallel" ? index : list.key === ".then" ? "then" : "else";
      return collect(list.steps, pattern + list.key, loops, key);
    });
    return [{ step, pattern, loops, branch }, ...nested];
  });
}

/** The step at a path, and the iterations that lead to it; `null` when the definition has no such step. */
export function locate(places: Places, path: string): { place: Place; iterations: readonly number[] } | null {
  const place = places.get(path.slice(path.lastIndexOf(".") + 1));
  if (!place) return null;
  const iterations: number[] = [];
  let rest = path;
  for (const [index, literal] of place.pattern.split("[*]").entries()) {
    if (index > 0) {
      const iteration = /^\[(\d{1,4})\]/.exec(rest);
      if (!iteration) return null;
      iterations.push(Number(iteration[1]));
      rest = rest.slice(iteration[0].length);
    }
    if (!rest.startsWith(literal)) return null;
    rest = rest.slice(literal.length);
  }
  return rest === "" ? { place, iterations } : null;
}

/** The path of a place within the given iterations, of which it uses as many as it is nested in. */
export function pathAt(pattern: string, iterations: readonly number[]): string {
  let used = 0;
  return pattern.replaceAll("[*]", () => {
    const iteration = iterations[used];
    used += 1;
    return `[${iteration}]`;
  });
}

/** Whether a step at `from` can name one at `to`: both run in the same iterations. */
export function isVisible(from: Place, to: Place): boolean {
  return to.loops.every((loop, index) => from.loops[index] === loop);
}

/** The templates of a step, those of nested steps left out; `field` is where each stands on the wire. */
export function templatesOf(step: StepDefinition): { field: string; value: JsonValue }[] {
  const when = step.when === null ? [] : conditionValues(step.when, "when").map(({ path, value }) => ({ field: path, value })); // prettier-ignore
  return [...when, ...ownTemplates(step)];
}

function ownTemplates(step: StepDefinition): { field: string; value: JsonValue }[] {
  switch (step.type) {
    case "http": {
      const { url, headers, body, output } = step.request;
      return [
        { field: "url", value: url },
        { field: "headers", value: headers },
        { field: "body", value: body },
        { field: "output", value: output },
        { field: "extract", value: step.extract },
      ];
    }
    case "wait":
      return step.until === null ? [] : [{ field: "until", value: step.until }];
    case "approval":
      return [{ field: "message", value: step.message }];
    case "condition":
      return conditionValues(step.if, "if").map(({ path, value }) => ({ field: path, value }));
    case "for_each":
      return [{ field: "items", value: step.items }];
    case "transform":
      return [{ field: "value", value: step.value }];
    case "run_job":
      return [{ field: "input", value: step.input }];
    default:
      return [];
  }
}
