/** Chance that nobody can guess. */

/** In [0, 1), from the platform's cryptographic source: tokens, and keys of callback and approval links, are drawn from it. */
export function secureRandom(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}
