/** Which step stands in which list: the Runs API has one flat list, and containers that name their steps by id. */

import type { FieldIssue } from "../../../domain/issue.ts";
import type { StepWire } from "./stepConfigs.ts";

/** A list within a step. */
export interface WireList {
  /** Under `config`: `then`, `branches[0]`. */
  readonly field: string;
  readonly ids: readonly string[];
}

export interface Layout {
  /** Indexes of the steps that stand in no other, in their order. */
  readonly top: readonly number[];
  /** The steps of a list within a step. */
  indexesOf(list: WireList): readonly number[];
}

export function listsOf(step: StepWire): readonly WireList[] {
  switch (step.type) {
    case "condition":
      return [
        { field: "then", ids: step.config.then },
        { field: "else", ids: step.config.else ?? [] },
      ];
    case "loop":
      return [{ field: "steps", ids: step.config.steps }];
    case "parallel":
      if (step.config.steps !== undefined) return [{ field: "steps", ids: step.config.steps }];
      return (step.config.branches ?? []).map((ids, index) => ({ field: `branches[${index}]`, ids }));
    default:
      return [];
  }
}

/** Every step must have an id of its own and one place; the layout is of use only where there is no complaint. */
export function layOut(steps: readonly StepWire[]): {
  readonly layout: Layout;
  readonly issues: readonly FieldIssue[];
} {
  const { indexes, issues } = indexById(steps);
  const placedBy = new Map<number, string>();
  for (const { id, path } of namesIn(steps)) {
    const index = indexes.get(id);
    const other = index === undefined ? undefined : placedBy.get(index);
    if (index === undefined) issues.push({ path, message: `must be the id of a step; none has the id "${id}"` });
    else if (other === undefined) placedBy.set(index, path);
    else issues.push({ path, message: `names "${id}", which stands in ${other} already; a step has one place` });
  }
  const top = [...steps.keys()].filter((index) => !placedBy.has(index));
  const layout = { top, indexesOf: ({ ids }: WireList) => ids.flatMap((id) => indexes.get(id) ?? []) };
  return { layout, issues: issues.length > 0 ? issues : circlesIn(steps, layout) };
}

function indexById(steps: readonly StepWire[]): { indexes: ReadonlyMap<string, number>; issues: FieldIssue[] } {
  const issues: FieldIssue[] = [];
  const indexes = new Map<string, number>();
  for (const [index, { id }] of steps.entries()) {
    const other = indexes.get(id);
    if (other === undefined) indexes.set(id, index);
    else issues.push({ path: `steps[${index}].id`, message: `must be unique; steps[${other}] has the id "${id}" too` });
  }
  return { indexes, issues };
}

function namesIn(steps: readonly StepWire[]): { readonly id: string; readonly path: string }[] {
  return steps.flatMap((step, index) =>
    listsOf(step).flatMap(({ field, ids }) =>
      ids.map((id, place) => ({ id, path: `steps[${index}].config.${field}[${place}]` })),
    ),
  );
}

/** Where each step has one place at most, one that no top step leads to is within itself. */
function circlesIn(steps: readonly StepWire[], layout: Layout): readonly FieldIssue[] {
  const reached = new Set<number>();
  const visit = (index: number): void => {
    reached.add(index);
    const step = steps[index];
    if (step !== undefined) for (const list of listsOf(step)) layout.indexesOf(list).forEach(visit);
  };
  layout.top.forEach(visit);
  return [...steps.keys()]
    .filter((index) => !reached.has(index))
    .map((index) => ({ path: `steps[${index}]`, message: "stands within itself; no list may lead back to it" }));
}
