/** Finds where a text stops being JSON (RFC 8259), which `JSON.parse` tells for some errors only. */

export interface JsonError {
  readonly position: number;
  readonly line: number;
  readonly column: number;
  /** What was expected there. */
  readonly expected: string;
}

/** Deeper nesting serves nobody, and would cost every later walk over the value its stack. */
export const JSON_DEPTH_MOST = 64;

/** The first error of a text, or null when it is JSON of at most `JSON_DEPTH_MOST` levels. */
export function findJsonError(text: string): JsonError | null {
  const scanner = new Scanner(text);
  scanner.value(0);
  scanner.end();
  return scanner.error;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** What may stand in a string unescaped: all but control characters, the quote and the backslash. */
const STRING = /"(?:[\u0020\u0021\u0023-\u005b\u005d-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
/** As much of a string as is right, to tell where it goes wrong. */
const STRING_START = /"(?:[\u0020\u0021\u0023-\u005b\u005d-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

class Scanner {
  error: JsonError | null = null;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): void {
    this.#match(SPACE);
    switch (this.#text[this.#at]) {
      case "{":
        return this.#members(depth, "}", () => this.#member(depth));
      case "[":
        return this.#members(depth, "]", () => this.value(depth + 1));
      case '"':
        return this.#string("text");
      default:
        if (!this.#match(NUMBER) && !this.#match(WORD)) this.#fail("a value");
    }
  }

  end(): void {
    this.#match(SPACE);
    if (this.#at < this.#text.length) this.#fail("the end of the text");
  }

  #members(depth: number, close: "}" | "]", member: () => void): void {
    if (depth >= JSON_DEPTH_MOST) return this.#fail(`at most ${JSON_DEPTH_MOST} levels of nesting`);
    this.#at += 1;
    this.#match(SPACE);
    if (this.#take(close)) return;
    while (this.error === null) {
      member();
      this.#match(SPACE);
      if (this.#take(close)) return;
      if (!this.#take(",")) this.#fail(`"," or "${close}"`);
    }
  }

  #member(depth: number): void {
    this.#match(SPACE);
    this.#string("a field name in double quotes");
    this.#match(SPACE);
    if (!this.#take(":")) this.#fail('":"');
    if (this.error === null) this.value(depth + 1);
  }

  #string(expected: string): void {
    if (this.#text[this.#at] !== '"') return this.#fail(expected);
    if (this.#match(STRING)) return;
    this.#match(STRING_START);
    const next = this.#text[this.#at];
    if (next === undefined) return this.#fail('a closing "');
    this.#fail(next === "\\" ? "an escape that JSON knows" : "a control character to be escaped");
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #fail(expected: string): void {
    if (this.error !== null) return;
    const before = this.#text.slice(0, this.#at).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    this.error = { position: this.#at, line: before.length, column, expected };
  }
}
