import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Template } from "../../../domain/template/template.ts";
import { FILTER_NAMES, parseTemplate } from "../../../domain/template/template.ts";
import type { StepType } from "../../../domain/workflow/definition.ts";
import type { TemplateContext } from "./templates.ts";
import { toOurTemplate, toWireTemplate } from "./templates.ts";
import { writeTemplate } from "./templateText.ts";

const TYPES: Readonly<Record<string, StepType>> = {
  fetch: "http",
  ask: "approval",
  rest: "wait",
  check: "condition",
  shape: "transform",
  each: "for_each",
  other: "for_each",
  both: "parallel",
  child: "run_job",
  call: "wait_for_webhook",
};

function context(changes: Partial<TemplateContext> = {}): TemplateContext {
  return { isWebhook: false, types: new Map(Object.entries(TYPES)), loops: [], ...changes };
}
const IN_LOOP = context({
  loops: [
    { id: "other", alias: null },
    { id: "each", alias: null },
  ],
});
const IN_SOURCE = context({ loops: [{ id: "each", alias: "row" }] });

/** A path without filters, or one as the parser reads it. */
function nodes(text: string): Template {
  const template = parseTemplate(text);
  if (!template.ok) throw new Error(template.error);
  return template.value.map((node) => (node.kind === "literal" ? node : { ...node, source: "" }));
}

describe("a template", () => {
  it.each([
    ["{{input.items.0.product}}", "{{input.items.0.product}}", context()],
    ["{{input.data.id}}", "{{trigger.body.data.id}}", context({ isWebhook: true })],
    ["{{input}}", "{{trigger.body}}", context({ isWebhook: true })],
    ["{{run.id}} at {{run.startedAt}}", "{{execution_id}} at {{timestamp}}", context()],
    ["Bearer {{secrets.stripe-key}}", "Bearer secret://stripe-key", context()],
    ["{{ input.lines | length }}", "{{input.lines | length}}", context()],
    ["{{steps.fetch.output.data.id}}", "{{steps.fetch.output.id}}", context()],
    ["{{steps.fetch.output.data}}", "{{steps.fetch.output}}", context()],
    ["{{steps.fetch.output.status}}", "{{steps.fetch.status_code}}", context()],
    ["{{steps.fetch.output.headers.etag}}", "{{steps.fetch.headers.etag}}", context()],
    ["{{steps.ask.output.approvedBy}}", "{{steps.ask.output.by}}", context()],
    ["{{steps.ask.output.approvedAt}}", "{{steps.ask.output.at}}", context()],
    ["{{steps.rest.output.completedAt}}", "{{steps.rest.finished_at}}", context()],
    ["{{steps.check.output.result}}", "{{steps.check.output.result}}", context()],
    ["{{steps.shape.output.result.total}}", "{{steps.shape.output.total}}", context()],
    ["{{steps.both.output.results[0].fetch.id}}", "{{steps.both.output.results[0].fetch.id}}", context()],
    ["{{steps.each.output.count}}", "{{steps.each.output.count}}", context()],
    ["{{steps.child.output.result.a}}", "{{steps.child.output.output.a}}", context()],
    ["{{steps.child.output.runId}}", "{{steps.child.output.execution_id}}", context()],
    ["{{steps.call.output.result.ok}}", "{{steps.call.output.ok}}", context()],
    ["{{steps.each.output.currentItem.sku}}", "{{item.sku}}", IN_LOOP],
    ["{{steps.each.output.currentIndex}}", "{{index}}", IN_LOOP],
    ["{{env.region}} {{context.id}}", "{{env.region}} {{context.id}}", context()],
    ["no template", "no template", context()],
  ])("%s is %s here, and back", (wire, ours, at) => {
    const translated = toOurTemplate(wire, at);
    expect(translated.ok && nodes(translated.value)).toEqual(nodes(ours));
    expect(nodes(toWireTemplate(ours, at))).toEqual(nodes(wire));
  });

  it.each([
    ["{{steps.fetch.data.id}}", "{{steps.fetch.output.id}}", context()],
    ["{{steps.fetch.status}}", "{{steps.fetch.status_code}}", context()],
    ["{{secrets.STRIPE_KEY}}", "secret://stripe_key", context()],
    ["{{row.sku}}", "{{item.sku}}", IN_SOURCE],
    ["{{trigger.body.id}}", "{{trigger.body.id}}", context({ isWebhook: true })],
    ["{{steps.nowhere.output.x}}", "{{steps.nowhere.output.x}}", context()],
    ["has {{ no end", "has {{ no end", context()],
  ])("%s is %s here", (wire, ours, at) => {
    expect(toOurTemplate(wire, at)).toEqual({ ok: true, value: ours });
  });

  it.each([
    ["{{steps.fetch.output.ok}}", /of the output of this step there is: data, status, headers/, context()],
    ["{{steps.fetch.output}}", /data, status, headers/, context()],
    ["{{steps.each.output.currentItem}}", /only in the steps of the loop "each"/, context()],
    ["{{steps.other.output.currentItem}}", /only in the steps of the loop "other"/, IN_LOOP],
    ["{{run.attempt}}", /only \{\{run.id\}\} and \{\{run.startedAt\}\}/, context()],
    ["{{secrets}}", /must name a secret/, context()],
    ["{{secrets.a.b}}", /must name a secret/, context()],
    ["{{secrets.key | base64}}", /takes no filter/, context()],
    ["{{secrets.key}}x", /no name has after/, context()],
    ["{{secrets.key}}.com", /no name has after/, context()],
    ["{{secrets.key}}{{input.a}}", /no name has after/, context()],
    ["{{secrets.a}}{{secrets.b}}", /no name has after/, context()],
  ])("%s is refused", (wire, reason, at) => {
    const translated = toOurTemplate(wire, at);
    expect(translated.ok ? "" : translated.error).toMatch(reason);
  });

  it.each([
    ["Bearer secret://stripe.", "Bearer {{secrets.stripe}}."],
    ["secret://a secret://b-c", "{{secrets.a}} {{secrets.b-c}}"],
    ["{secret://a}", "{secret://a}"],
    ["{{steps.fetch.total}}", "{{steps.fetch.output.data.total}}"],
    ["{{steps.fetch.finished_at}}", "{{steps.fetch.finished_at}}"],
  ])("%s is shown as %s", (ours, wire) => {
    expect(toWireTemplate(ours, context())).toBe(wire);
  });
});

const keys = fc.oneof(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,5}$/), fc.nat(999), fc.string({ maxLength: 5 }));
const filters = fc.oneof(
  fc
    .constantFrom(...FILTER_NAMES.filter((name) => name !== "default" && name !== "date"))
    .map((name) => ({ name, args: [] })),
  fc.oneof(fc.string({ maxLength: 5 }), fc.integer(), fc.boolean(), fc.constant(null)).map((argument) => ({
    name: "default" as const,
    args: [argument],
  })),
);
const expressions = fc.record({
  kind: fc.constant("expression" as const),
  source: fc.constant(""),
  path: fc
    .tuple(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,5}$/), fc.array(keys, { maxLength: 3 }))
    .map(([root, rest]) => [root, ...rest] as const),
  filters: fc.array(filters, { maxLength: 2 }),
});
/** No template parses to a single brace right before an expression: the three would be read the other way round. */
const literals = fc.record({
  kind: fc.constant("literal" as const),
  text: fc
    .array(fc.constantFrom("\\", "{{", "}}", "a", " ", "}", "|"), { minLength: 1, maxLength: 8 })
    .map((all) => all.join("")),
});
/** Two literals in a row would be one. */
const templates = fc
  .array(fc.oneof(expressions, literals), { maxLength: 5 })
  .map((all) => all.filter((node, index) => node.kind === "expression" || all[index - 1]?.kind !== "literal"));

it("what is written parses to what was written", () => {
  fc.assert(
    fc.property(templates, (template) => {
      expect(nodes(writeTemplate(template))).toEqual(template);
    }),
  );
});
