/** Lines of the log, as a test reads them. */

export interface LoggedEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export function parseLog(line: unknown): LoggedEvent {
  try {
    return JSON.parse(String(line)) as LoggedEvent;
  } catch {
    return { event: "text", text: String(line) };
  }
}
