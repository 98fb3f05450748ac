/** Chance that nobody can guess. */

/** Drawn together: a call of the platform costs far more than a number, and an id takes sixteen of them. */
const pool = new Uint32Array(256);
let used = pool.length;

/** In [0, 1), from the platform's cryptographic source: tokens, and keys of callback and approval links, are drawn from it. */
export function secureRandom(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const value = pool[used] ?? 0;
  // Handed out once, and then known to nobody here.
  pool[used] = 0;
  used += 1;
  return value / 2 ** 32;
}
