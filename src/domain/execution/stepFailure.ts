/**
 * The sentence in which an execution says which of its steps ended it. The history's lists hold no steps, so that who lists
 * executions reads the step out of the sentence again.
 */

/** Paths hold neither quotes nor blanks (`domain/workflow/validate.ts` says what an id may be). */
const SENTENCE = /^Step "([^"\s]+)" failed: ([^]*)$/;

export function stepFailureSentence(path: string, message: string): string {
  return `Step "${path}" failed: ${message}`;
}

/** The step's path and its own message; `null` for a sentence that names no step. */
export function readStepFailure(sentence: string): { readonly path: string; readonly message: string } | null {
  const [, path, message] = SENTENCE.exec(sentence) ?? [];
  return path === undefined || message === undefined ? null : { path, message };
}
