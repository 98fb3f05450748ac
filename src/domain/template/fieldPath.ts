/** Paths to members of users' objects, for issues: `body.user.name`, `headers["x-api-key"]`. */

export function memberPath(base: string, key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? `${base}.${key}` : `${base}[${JSON.stringify(key)}]`;
}
