/** What the Worker logs, as lines that a person reads in a terminal. */

import type { LogLine } from "./localInstance.ts";

/** The event that the Worker logs for each execution as it ends (src/observability/executionLog.ts). */
export interface FinishedExecution {
  readonly event: "execution.finished";
  readonly executionId: string;
  readonly jobId: string;
  readonly job: string;
  readonly status: string;
  readonly source: string;
  readonly latenessMs: number | null;
  readonly durationMs: number | null;
  readonly attempts: number;
  readonly statusCode: number | null;
  readonly errorClass: string | null;
}

const RED = 31;
const GREEN = 32;
const YELLOW = 33;

const STATUS_COLOURS: Readonly<Record<string, number>> = { succeeded: GREEN, cancelled: YELLOW };

/** workerd's account, with its own stack, of a failure that the Worker learns of too: a name that does not resolve. */
const RUNTIME_TRACE = /\nstack: \S*workerd@|; sentryErrorContext = /;

export function isFinishedExecution(event: unknown): event is FinishedExecution {
  return typeof event === "object" && event !== null && (event as { event?: unknown }).event === "execution.finished";
}

/** The JSON object that a line holds, or `null` for any other text. */
export function parseEvent(text: string): Readonly<Record<string, unknown>> | null {
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** A terminal line for what the Worker or the runtime wrote; `null` for what nobody needs to see. */
export function renderLog(line: LogLine, colour: boolean): string | null {
  const event = parseEvent(line.text);
  if (isFinishedExecution(event)) return renderExecution(event, line.atMs, colour);
  if ((line.level !== "error" && line.level !== "warn") || RUNTIME_TRACE.test(line.text)) return null;
  return paint(
    `${clockTime(line.atMs)}  ${line.level}: ${event === null ? line.text : renderFields(event)}`,
    RED,
    colour,
  );
}

export const EXECUTION_HEADER = columns("time", "job", "status", "late", "attempts", "target");

function renderExecution(execution: FinishedExecution, atMs: number, colour: boolean): string {
  const { latenessMs, statusCode, errorClass } = execution;
  const line = columns(
    clockTime(atMs),
    execution.job,
    execution.status,
    latenessMs === null ? "-" : `${latenessMs} ms`,
    String(execution.attempts),
    [statusCode, errorClass].filter((part) => part !== null).join(" ") || "-",
  );
  // Padded first and painted afterwards: escape codes would count as columns.
  return line.replace(/(?<=^.{34})\S+/, (status) => paint(status, STATUS_COLOURS[execution.status] ?? RED, colour));
}

/** Time, job, status, lateness, attempts and what the target answered; long names are cut. */
function columns(time: string, job: string, status: string, late: string, attempts: string, target: string): string {
  const name = job.length > 22 ? `${job.slice(0, 21)}…` : job;
  return [time.padEnd(8), name.padEnd(22), status.padEnd(10), late.padStart(9), attempts.padStart(8), target]
    .join("  ")
    .trimEnd();
}

function renderFields(event: Readonly<Record<string, unknown>>): string {
  const { event: name, level: _level, message, ...fields } = event;
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [name, message, ...rest].filter((part) => part !== undefined && part !== "").join("  ");
}

function clockTime(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}

export function paint(text: string, code: number, colour: boolean): string {
  return colour ? `\u001B[${code}m${text}\u001B[0m` : text;
}
