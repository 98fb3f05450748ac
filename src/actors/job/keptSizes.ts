/**
 * How much an object keeps of executions, in all of its jobs together. All of it is read when the object wakes, so what
 * outgrows the object's memory could never be read again, and each of its jobs would stand still for good.
 *
 * The size is that of the rows' text, which is there whenever a row is read or written: to know it costs nothing.
 */

/** Of all jobs of one object: live executions, ended ones whose records are owed, and errands. */
export interface Kept {
  characters: number;
}

/**
 * An object that keeps more takes no starts by request until some of it has ended, and nothing of the bodies that targets
 * answer with. What a schedule fires, and what goes on, is taken all the same; a fire comes to about 600 characters, and to
 * some 1,000 with its attempt. So a history that is out of reach for long is owed records without previews, instead of more
 * than the object can load.
 *
 * The platform gives an isolate 128 MB, and objects of a class that land in one share them (facts 1.1; Cloudflare's pages on
 * the limits of Workers and on the pricing of Durable Objects). Most is taken right after a read, when the text of the rows
 * stands beside what it was parsed to. Measured with V8 in Node 24, in bytes for each character of the rows: 2 for long
 * texts, 3 for lists of records, 4 for long texts in other than Latin letters, 5 for lists of small numbers. So 25 million
 * come to 50 to 125 MB, to 75 MB for what is usual, and a third or half of that is free again soon after. The rest is for
 * the isolate itself, for definitions, and for what executions gain while they run.
 */
export const KEPT_CHARACTERS_MOST = 25_000_000;

/** How many characters more; none or less where it is full. */
export function roomIn({ characters }: Kept): number {
  return KEPT_CHARACTERS_MOST - characters;
}

/** What one job has part in `Kept`, row by row. A row is named by whatever tells it from the job's others. */
export class KeptSizes {
  readonly #kept: Kept;
  readonly #characters = new Map<number | string, number>();

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  put(row: number | string, characters: number): void {
    this.#kept.characters += characters - (this.#characters.get(row) ?? 0);
    this.#characters.set(row, characters);
  }

  drop(row: number | string): void {
    this.#kept.characters -= this.#characters.get(row) ?? 0;
    this.#characters.delete(row);
  }

  clear(): void {
    for (const characters of this.#characters.values()) this.#kept.characters -= characters;
    this.#characters.clear();
  }
}
