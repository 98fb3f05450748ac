/** The table in the README, made from `bench/results/latest.json`. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/paths.ts";
import { machineLine } from "./machine.ts";
import { budgetTable, figureTable, markdown } from "./render.ts";
import type { Results } from "./results.ts";

const PATH = join(ROOT, "README.md");
const START = "<!-- bench:start -->";
const END = "<!-- bench:end -->";

/** Throws a sentence when there is nothing to show or no place for it. */
export function updateReadme(results: Results): void {
  const outcomes = Object.values(results);
  if (outcomes.length === 0) throw new Error("Nothing is measured yet: run `npm run bench` first.");
  const text = readReadme();
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md has no ${START} followed by ${END}.`);
  writeFileSync(PATH, `${text.slice(0, start + START.length)}\n\n${renderMarkdown(results)}\n\n${text.slice(end)}`);
}

function readReadme(): string {
  try {
    return readFileSync(PATH, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Error("There is no README.md.", { cause: error });
    throw error;
  }
}

/** All budgets in one table; the numbers behind them folded away, measurement by measurement. */
export function renderMarkdown(results: Results): string {
  const outcomes = Object.entries(results);
  const machines = new Set(outcomes.map(([, { machine, takenAt }]) => `${machineLine(machine)}; ${takenAt.slice(0, 10)}`));
  return [
    `Measured by \`npm run bench\`; medians of repeats, ratios taken within one run. ${[...machines].join(" / ")}.`,
    markdown(budgetTable(outcomes.flatMap(([, { budgets }]) => budgets))),
    ...outcomes.map(([name, { title, figures, settings, notes }]) =>
      [
        `<details><summary><code>${name}</code>: ${title}</summary>`,
        markdown(figureTable(figures, { withRange: false })),
        [
          `Settings: ${Object.entries(settings)
            .map(([setting, value]) => `${setting} ${value}`)
            .join(", ")}.`,
          ...notes,
        ].join(" "),
        "</details>",
      ].join("\n\n"),
    ),
  ].join("\n\n");
}
