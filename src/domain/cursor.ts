/** Cursors: the place in a list after its last item, opaque to the API's users, checked when it comes back. */

/** By id alone, or by a time and, among equal times, by id. */
export interface Position {
  readonly id: string;
  readonly timeMs: number | null;
}

/** `{"id"}` or `{"t","id"}` as JSON in base64url; ids are ASCII. */
export function encodeCursor(position: Position): string {
  const json = JSON.stringify(position.timeMs === null ? { id: position.id } : { t: position.timeMs, id: position.id });
  return btoa(json).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** `null` for a text that is no cursor of this kind of list, whoever made it up. */
export function decodeCursor(
  text: string,
  expected: { readonly isId: (id: string) => boolean; readonly withTime: boolean },
): Position | null {
  const decoded = decodeJson(text);
  if (typeof decoded !== "object" || decoded === null) return null;
  const { id, t } = decoded as { id?: unknown; t?: unknown };
  if (typeof id !== "string" || !expected.isId(id)) return null;
  if (!expected.withTime) return t === undefined ? { id, timeMs: null } : null;
  return typeof t === "number" && Number.isSafeInteger(t) ? { id, timeMs: t } : null;
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    // Whoever sent it did not get it from us; the caller answers "bad_cursor".
    return null;
  }
}
