/** Structured log lines: one JSON object per event, ids and numbers only, never a URL, header, body or secret. */

export type LogFields = Readonly<Record<string, string | number | boolean | null | Readonly<Record<string, number>>>>;

export function logEvent(event: string, fields: LogFields): void {
  // The one place that writes to the console; Workers Logs indexes JSON lines.
  // oxlint-disable-next-line no-console
  console.log(JSON.stringify({ event, ...fields }));
}

/** A fault that nobody can act on at the place where it was caught. Error texts of the platform hold no user data. */
export function logFault(event: string, error: unknown, fields: LogFields = {}): void {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  // oxlint-disable-next-line no-console
  console.error(JSON.stringify({ event, level: "error", message: message.slice(0, 500), ...fields }));
}
