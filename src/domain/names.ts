/** Names that people give to jobs and tokens. */

/** Names are compared in this form, which ignores case in every script; SQLite's `lower` knows ASCII only. */
export function foldName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
