/** Measurements as tables for a terminal and for Markdown. */

import type { BudgetCheck, Figure, Outcome, Unit } from "./measurement.ts";

type Table = readonly (readonly string[])[];

/** First line: the header. Budgets first: they are what a reader looks for. */
export function renderOutcome(outcome: Outcome): string {
  const parts = [
    Object.entries(outcome.settings)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
    aligned(figureTable(outcome.figures, { withRange: true })),
    ...(outcome.budgets.length === 0 ? [] : [aligned(budgetTable(outcome.budgets))]),
    ...outcome.notes.map((note) => `Note: ${note}`),
  ];
  return parts.join("\n\n");
}

export function budgetTable(budgets: readonly BudgetCheck[]): Table {
  return [
    ["what", "budget", "measured", "met"],
    ...budgets.map(({ what, budget, measured, met }) => [what, budget, measured, met ? "yes" : "MISSED"]),
  ];
}

/** One line for each row, one column for each column that any row has, in the order in which they first come. */
export function figureTable(figures: readonly Figure[], options: { readonly withRange: boolean }): Table {
  const columns = [...new Set(figures.map(({ column }) => column))];
  const rows = [...new Set(figures.map(({ row }) => row))];
  const cells = new Map(figures.map((each) => [`${each.row}\n${each.column}`, each]));
  return [
    ["", ...columns],
    ...rows.map((row) => [
      row,
      ...columns.map((column) => {
        const cell = cells.get(`${row}\n${column}`);
        return cell === undefined ? "" : renderFigure(cell, options.withRange);
      }),
    ]),
  ];
}

function renderFigure({ value, unit, samples }: Figure, withRange: boolean): string {
  if (value === null) return "-";
  const text = inUnit(value, unit);
  const low = Math.min(...samples);
  const high = Math.max(...samples);
  if (!withRange || samples.length < 2 || low === high) return text;
  return `${text} [${digits(low, unit)}…${digits(high, unit)}]`;
}

export function inUnit(value: number, unit: Unit): string {
  switch (unit) {
    case "count":
      return digits(value, unit);
    case "ratio":
      return `${digits(value, unit)} ×`;
    case "USD":
      return `$${digits(value, unit)}`;
    case "/s":
      return `${digits(value, unit)}/s`;
    case "ms":
    case "MiB":
    case "KiB":
      return `${digits(value, unit)} ${unit}`;
  }
}

function digits(value: number, unit: Unit): string {
  if (unit === "ratio" || unit === "USD") return value.toFixed(2);
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);
}

/** Left-aligned first column, the rest as well: cells hold words as often as numbers. */
function aligned(table: Table): string {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((line) => (line[column] ?? "").length)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function markdown(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const [header = [], ...rows] = table;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}
