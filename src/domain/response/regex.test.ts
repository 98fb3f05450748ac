import * as fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { MAX_PROGRAM_SIZE, MAX_REGEX_INPUT_CHARS, compileRegex } from "./regex.ts";
import type { CompiledRegex } from "./regex.ts";
import { estimateRegexSize } from "./regexSize.ts";
import { RULE_WORK_UNITS, WorkBudget } from "./workBudget.ts";

function compiled(pattern: string, flags?: string): CompiledRegex {
  const regex = compileRegex(pattern, flags);
  if (!regex.ok) throw new Error(regex.error);
  return regex.value;
}

const verdict = (pattern: string, input: string, flags?: string): string =>
  compiled(pattern, flags).test(input, new WorkBudget());

/** Numbers that are the same in every run. */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

function randomText(alphabet: readonly string[]): string {
  const random = pseudoRandom(7);
  const chars = Array.from({ length: MAX_REGEX_INPUT_CHARS }, () => alphabet[Math.floor(random() * alphabet.length)]);
  return chars.join("");
}

const UNICODE = Array.from({ length: 0x2000 }, (_, index) => String.fromCodePoint(0x100 + index));

const HOSTILE_INPUTS: Record<string, string> = {
  "one letter": "a".repeat(MAX_REGEX_INPUT_CHARS),
  "x only": "x".repeat(MAX_REGEX_INPUT_CHARS),
  "a and b in turn": "ab".repeat(MAX_REGEX_INPUT_CHARS / 2),
  "a and b at random": randomText(["a", "b"]),
  words: randomText([..."abcdefghij xyz_-.@0123456789\n"]),
  "many scripts": randomText(UNICODE),
  "many scripts and digits": randomText([
    ...UNICODE.slice(0, 300),
    ...[..."٠١٢٣٤٥٦٧٨٩"].flatMap((d) => Array(60).fill(d)),
  ]),
};

const alternatives = (make: (char: string) => string): string =>
  UNICODE.filter((_, index) => index % 7 === 0)
    .slice(0, 290)
    .map(make)
    .join("|");

const HOSTILE_PATTERNS = [
  "(a*)*b", "(a|aa)+$", "(x+x+)+y", "(a|a)*$", "(.*)*=", "([a-z]+)*\\d{20}", "(\\w+\\s*)+:$",
  "\\w{1,500}$", "\\w{1,300}\\W", "(?:\\w{1,20}){1,20}$", "(a{30}){30}$", "((a{10}){10}){10}b", "(a?){200}a{200}c",
  "(a|b)*a(a|b){15}$", "(a|b)*a(a|b){100}c", "(a|b)*a(a|b){400}c", ".{500}ab.{300}", ".{0,300}a.{0,300}b",
  "(?:[^a][^b][^c][^d]){100}z$", "(?:.?){300}z", "\\b.\\b.\\B.{1,100}$", "(?m)(^.*$\\n?)+\\z", "^(?:[^a]b|\\pL\\pN)*$",
  "^\\w*$", "(?s)^.*$", "[\\pL\\pN]{1,200}!", "[\\pL\\pN\\pS\\pP\\pM]{1,200}$", "\\pL*\\pN{100}$", "\\pN{300}$",
  "(?i)\\pL{1,300}\\pN$", `(?i)${"\\pL?".repeat(16)}z`, `(?i)${"[\\pL]{60}".repeat(16)}z`, `(?i)${"[^a]".repeat(240)}z`,
  `(?i)${"[^\\x{100}-\\x{1000}]".repeat(45)}`, `(?i)${"[a-zA-Z\\x{100}-\\x{2000}]".repeat(37)}`,
  alternatives((char) => `.${char}`), `(?:${alternatives((char) => `${char}.`)})+\u2fff`,
  `${alternatives((char) => `${char}.`)}|.*\\pN$`,
]; // prettier-ignore

describe("compileRegex", () => {
  it.each([
    ["ok", "x ok y", "match"],
    ["^ok$", "x ok y", "no_match"],
    ['"status":\\s*"ok"', '{"status": "ok"}', "match"],
    ["\\bfo+\\b", "a foo b", "match"],
    ["[[:alpha:]]{3}", "12abc", "match"],
  ])("finds %s anywhere in %j: %s", (pattern, input, expected) => {
    expect(verdict(pattern, input)).toBe(expected);
  });

  it("knows the flags i, m and s", () => {
    expect(verdict("OK", "ok", "i")).toBe("match");
    expect(verdict("^b$", "a\nb\nc", "m")).toBe("match");
    expect(verdict("a.b", "a\nb", "s")).toBe("match");
    expect(compileRegex("a", "g").ok).toBe(false);
    expect(compileRegex("a", "ii").ok).toBe(false);
  });

  it.each([
    ["", "must not be empty"],
    ["a".repeat(1_001), "at most 1000 characters"],
    ["a(?=b)", "lookahead and lookbehind are not supported"],
    ["(?<!a)b", "lookahead and lookbehind are not supported"],
    ["(a)\\1", "backreferences are not supported"],
    ["(?P<x>a)\\k<x>", "backreferences are not supported"],
    ["(", "not a valid RE2 pattern"],
    ["a{2,1}", "not a valid RE2 pattern"],
    ["a{999}".repeat(160), "too large"],
    ["\\w{1,1000}", "too large"],
    ["(?:\\w{1,100}\\W{1,100}){10}", "too large"],
    ["\\pL".repeat(17), "at most 16 Unicode classes"],
  ])("refuses %s", (pattern, reason) => {
    const regex = compileRegex(pattern);
    expect(regex.ok ? "compiled" : regex.error).toContain(reason);
  });

  it("takes escaped braces and groups for what they are", () => {
    expect(verdict("\\(\\?=", "a(?=b)")).toBe("match");
    expect(verdict("\\\\1", "a\\1")).toBe("match");
    expect(verdict("(?P<word>o+)k", "ook")).toBe("match");
  });

  it("reads the first 64 Ki characters and no more", () => {
    const input = `${"a".repeat(MAX_REGEX_INPUT_CHARS - 1)}bc`;
    expect(verdict("b$", input)).toBe("match");
    expect(verdict("c", input)).toBe("no_match");
  });

  it("answers like re2js itself, with every state built anew", () => {
    const part = fc.constantFrom(
      "a",
      "b",
      "[ab]",
      "[^a]",
      ".",
      "a*",
      "b+",
      "(a|b)",
      "(ab)*",
      "a{2,3}",
      "^",
      "$",
      "\\b",
      "x?",
    );
    const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n"), maxLength: 20 });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), text, (parts, input) => {
        const pattern = parts.join("");
        const regex = compileRegex(pattern);
        if (!regex.ok) return;
        expect(regex.value.test(input, new WorkBudget())).toBe(
          RE2JS.compile(pattern).test(input) ? "match" : "no_match",
        );
      }),
    );
  });
});

describe("the bound on a pattern's work", () => {
  it("gives the same verdict and the same count each time", () => {
    const input = HOSTILE_INPUTS["a and b at random"] as string;
    const regex = compiled("a{3}b{3}a{7}$");
    const spent = [1, 2, 3].map(() => {
      const budget = new WorkBudget();
      regex.test(input, budget);
      return RULE_WORK_UNITS - budget.left;
    });
    expect(new Set(spent).size).toBe(1);
    expect(spent[0]).toBeGreaterThan(MAX_REGEX_INPUT_CHARS >> 5);
  });

  it("ends a search that asks for a new state at every character", () => {
    const input = HOSTILE_INPUTS["a and b at random"] as string;
    expect(verdict("(a|b)*a(a|b){15}$", input.replace(/.$/, "\n"))).toBe("too_costly");
  });

  it("counts what a step looks at as well as what it makes", () => {
    // Eight new characters in turn, each leading from some 600 instructions to as many.
    const budget = new WorkBudget();
    compiled("(?:x?){300}[bdfhjln]z").test("bdfhjlnz", budget);
    expect(RULE_WORK_UNITS - budget.left).toBeGreaterThan(8 * (600 + 600));
  });

  it("leaves everyday patterns far from it, on 64 KB", () => {
    const page = `${'{"status":"ok","items":[1,2,{"name":"error: timeout"}]},\n'.repeat(1_100)}"done":true`;
    for (const pattern of [
      '"done":\\s*true',
      "error.{0,200}gone",
      "(?i)(fatal|panic|segfault)",
      "\\d{4}-\\d{2}-\\d{2}",
      "^\\S+@\\S+$",
    ]) {
      const budget = new WorkBudget();
      expect(compiled(pattern).test(page, budget)).not.toBe("too_costly");
      expect(budget.left).toBeGreaterThan(RULE_WORK_UNITS / 2);
    }
  });

  /**
   * Issue 3 asks for this one timing: no pattern blocks the consumer for more than 50 ms. CPU time of this thread is
   * measured, since other processes may hold the machine, and the best of three searches is taken, since the first ones
   * run before the engine is compiled.
   */
  it.each(HOSTILE_PATTERNS)("keeps %s under 50 ms on any hostile input, compiling included", (pattern) => {
    const compileStartMs = cpuMs();
    const regex = compileRegex(pattern);
    const compileMs = cpuMs() - compileStartMs;
    if (!regex.ok) throw new Error(regex.error);
    for (const input of Object.values(HOSTILE_INPUTS)) {
      const runsMs = [1, 2, 3].map(() => {
        const runStartMs = cpuMs();
        regex.value.test(input, new WorkBudget());
        return cpuMs() - runStartMs;
      });
      expect(compileMs + Math.min(...runsMs)).toBeLessThan(50);
    }
  });
});

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

describe("estimateRegexSize", () => {
  it("sees through nested repetitions", () => {
    expect(estimateRegexSize("((a{10}){10}){10}")).toBeGreaterThan(1_000);
    expect(estimateRegexSize("[)]{2}(ab[(]{3}){100}")).toBeGreaterThan(500);
    expect(estimateRegexSize("\\d{4}-\\d{2}")).toBeLessThan(30);
  });

  it("is never less than what re2js compiles", () => {
    const part = fc.constantFrom(
      ..."ab.^$|()[]*+?{}\\-:QEd,39",
      "{2}", "{3,}", "{2,9}", "{20}", "(a", "b)", "[)]", "[](]", "[^]]", "[[:alpha:](]", "\\Qa{9}\\E", "\\pL", "\\(", "(?:", "(?i)", "\\x{61}",
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(part, { maxLength: 25 }), (parts) => {
        const pattern = parts.join("");
        const estimate = estimateRegexSize(pattern);
        if (estimate > 4 * MAX_PROGRAM_SIZE) return;
        let size = 0;
        try {
          size = RE2JS.compile(pattern).programSize();
        } catch {
          // Not a pattern, so nothing is compiled.
        }
        expect(size).toBeLessThanOrEqual(estimate);
      }),
      { numRuns: 2_000 },
    );
  });
});
