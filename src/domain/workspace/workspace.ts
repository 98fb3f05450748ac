/** A workspace, the tokens that open it, and what each role may do. */

export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
}

export const ROLES = ["owner", "admin", "member"] as const;
export type Role = (typeof ROLES)[number];

/** A token as it is stored: the secret itself is shown once and never kept. */
export interface Token {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** The first characters, by which a person tells tokens apart in a list. */
  readonly prefix: string;
  readonly createdAtMs: number;
}

export type Permission = "read" | "write" | "administer";

/** `owner` may do everything, `admin` all but tokens and workspace settings, `member` only read. */
const PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  owner: new Set(["read", "write", "administer"]),
  admin: new Set(["read", "write"]),
  member: new Set(["read"]),
};

export function isAllowed(role: Role, permission: Permission): boolean {
  return PERMISSIONS[role].has(permission);
}
