/** Users' regular expressions: RE2 syntax on a linear engine, with bounded programs, bounded input and counted work. */

import { RE2JS } from "re2js";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { estimateRegexSize } from "./regexSize.ts";
import { WorkExceeded } from "./workBudget.ts";
import type { WorkBudget } from "./workBudget.ts";

const MAX_PATTERN_CHARS = 1_000;
/** The same 64 KB that is read of a response; the rest of a longer text is not searched. */
export const MAX_REGEX_INPUT_CHARS = 65_536;
/**
 * Instructions of a compiled program: `error.{0,200}timeout` has 414, `\w{1,1000}` would have 2,002. Compiling this many
 * takes 3 to 10 ms.
 */
export const MAX_PROGRAM_SIZE = 1_250;
/** The estimate errs on the high side, up to four times the real size. */
const MAX_ESTIMATED_SIZE = 4 * MAX_PROGRAM_SIZE;
/** Each `\p{…}` costs the compiler up to 0.25 ms of range tables, more with `(?i)`: 190 of them took 46 ms. */
const MAX_UNICODE_CLASSES = 16;
/** What one uncached step of the automaton costs beyond the instructions it looks at. */
const STEP_UNITS = 40;
/** What beginning a search costs, about a microsecond: filters of a JSONPath begin thousands. */
const SEARCH_UNITS = 10;
/** States of a pattern that stay in memory after a search; an everyday pattern has fewer than 100. */
const MAX_KEPT_STATES = 300;
/** Compiled patterns kept; each holds its program (some 100 KB at the very most) and a few states. */
const CACHE_ENTRIES = 100;

export type RegexVerdict = "match" | "no_match" | "too_costly";

export interface CompiledRegex {
  /**
   * Whether the pattern is found anywhere in the first 64 Ki characters of `input`. `too_costly` when the budget ran out:
   * the same pattern, input and budget always give the same answer, since work is counted and nothing is remembered.
   */
  test(input: string, budget: WorkBudget): RegexVerdict;
}

const cache = new Map<string, Result<CompiledRegex, string>>();

/**
 * Compiles a pattern in RE2 syntax (https://github.com/google/re2/wiki/Syntax) with flags out of `i`, `m`, `s`. The error
 * is a sentence for the person who wrote the pattern.
 */
export function compileRegex(pattern: string, flags = ""): Result<CompiledRegex, string> {
  const key = `${flags}/${pattern}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = compile(pattern, flags);
  if (pattern.length <= MAX_PATTERN_CHARS) {
    if (cache.size >= CACHE_ENTRIES) cache.delete(cache.keys().next().value as string);
    cache.set(key, made);
  }
  return made;
}

function compile(pattern: string, flags: string): Result<CompiledRegex, string> {
  if (pattern.length === 0) return err("must not be empty");
  if (pattern.length > MAX_PATTERN_CHARS) return err(`must be at most ${MAX_PATTERN_CHARS} characters`);
  if (!/^(?!.*(.).*\1)[ims]*$/.test(flags)) return err('flags may be "i", "m" and "s", each once');
  if (/\(\?<?[=!]/.test(pattern.replaceAll(/\\./gs, ""))) {
    return err("lookahead and lookbehind are not supported (RE2 syntax)");
  }
  if (/\\[1-9]|\\k</.test(pattern.replaceAll("\\\\", ""))) return err("backreferences are not supported (RE2 syntax)");
  if ((pattern.match(/\\[pP]/g)?.length ?? 0) > MAX_UNICODE_CLASSES) {
    return err(`may use at most ${MAX_UNICODE_CLASSES} Unicode classes (\\p{…})`);
  }
  const tooLarge = `is too large once its repetitions are written out: at most ${MAX_PROGRAM_SIZE} instructions`;
  if (estimateRegexSize(pattern) > MAX_ESTIMATED_SIZE) return err(tooLarge);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern, re2Flags(flags));
  } catch (error) {
    return err(`is not a valid RE2 pattern: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (compiled.programSize() > MAX_PROGRAM_SIZE) return err(tooLarge);
  return ok(metered(compiled));
}

function re2Flags(flags: string): number {
  return (
    (flags.includes("i") ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.includes("m") ? RE2JS.MULTILINE : 0) |
    (flags.includes("s") ? RE2JS.DOTALL : 0)
  );
}

/** The part of re2js's lazily built automaton that does all work beyond one table look-up per character. */
interface LazyAutomaton {
  readonly numClasses: number;
  readonly stateCount: number;
  step(state: AutomatonState, cls: number, rune: number, anchor: number): AutomatonState | null;
  clearCache(): void;
}

interface AutomatonState {
  readonly nfaStates: readonly number[];
  readonly next: unknown;
}

/**
 * No pattern blocks the consumer (issue 3: at most 50 ms). A linear engine alone is not enough: re2js builds the states
 * of its automaton while it searches, and a pattern such as `(a|b)*a(a|b){15}` asks for a new state at nearly every
 * character, which took 190 ms for 64 KB at worst. So each step that is not yet in the automaton's table spends units
 * for the instructions it looks at, and the search ends when the budget does.
 *
 * re2js offers no such limit; `step` is replaced on this instance. The version is pinned in package.json, and the tests
 * fail if a new one no longer goes through it. States are kept within one evaluation only (a filter that searches each
 * of a thousand names builds them once), so that a verdict never depends on what was judged before, and many of them are
 * dropped at once, so that memory stays flat. The engine's fallback without states (when 8 MB of them are full) is never
 * reached: the budget is spent long before.
 */
function metered(compiled: RE2JS): CompiledRegex {
  const automaton: LazyAutomaton = compiled.re2().dfa;
  const originalStep = automaton.step.bind(automaton);
  let current: WorkBudget | null = null;
  let last: WorkBudget | null = null;
  automaton.step = (state, cls, rune, anchor) => {
    // A new table has a slot for each class of characters; patterns with Unicode classes have over a thousand.
    const table = state.next === null ? automaton.numClasses : 0;
    current?.spend(STEP_UNITS + state.nfaStates.length + table);
    const next = originalStep(state, cls, rune, anchor);
    if (next !== null) current?.spend(next.nfaStates.length);
    return next;
  };
  return {
    test(input, budget) {
      const text = input.length > MAX_REGEX_INPUT_CHARS ? input.slice(0, MAX_REGEX_INPUT_CHARS) : input;
      if (last !== budget) automaton.clearCache();
      current = budget;
      last = budget;
      try {
        // The table look-ups: 1 to 3 ms for 64 Ki characters.
        budget.spend(SEARCH_UNITS + (text.length >> 5));
        return compiled.test(text) ? "match" : "no_match";
      } catch (error) {
        if (error instanceof WorkExceeded) return "too_costly";
        throw error;
      } finally {
        current = null;
        if (automaton.stateCount > MAX_KEPT_STATES) automaton.clearCache();
      }
    },
  };
}
