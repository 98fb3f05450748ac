/** Tells Cloudflare's own answers about a target that it could not reach from answers of the target. */

/**
 * In production a target that does not resolve, refuses or fails TLS is not an exception: Cloudflare answers in its place
 * with a status of 520 to 530 (facts/cloudflare-platform.md 4.2). `headers` have lower-case names.
 */
export function unreachableClass(
  status: number,
  headers: Readonly<Record<string, string>>,
): "target_unreachable" | null {
  const isCloudflares = headers["server"]?.toLowerCase() === "cloudflare";
  return isCloudflares && status >= 520 && status <= 530 ? "target_unreachable" : null;
}
