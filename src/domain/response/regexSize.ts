/** An estimate of how large a pattern's program will be, taken from its text before any compiler spends time on it. */

const REPETITION = /^\{(\d+)(?:(,)(\d*))?\}/;

const FLAGS = /^\(\?[A-Za-z-]*\)/;

interface Level {
  /** Instructions of this group so far. */
  size: number;
  /** Instructions of the last item, which a following `{n,m}` multiplies. */
  last: number;
}

/**
 * Instructions that `pattern` may compile to, at least as many as re2js will make (a property test compares the two).
 * Counted repetitions are the point: RE2 writes `x{500}` out 500 times, so 1,000 characters can ask for a million
 * instructions. Needs no valid pattern; the compiler judges that afterwards.
 */
export function estimateRegexSize(pattern: string): number {
  // The instructions of a program with nothing in it: fail, no-op, match.
  const stack: Level[] = [{ size: 3, last: 0 }];
  let top = stack[0] as Level;
  const item = (size: number): void => {
    top.size += size;
    top.last = size;
  };
  let at = 0;
  while (at < pattern.length) {
    const char = pattern[at];
    if (char === "\\" && pattern[at + 1] === "Q") {
      const end = pattern.indexOf("\\E", at + 2);
      const stop = end === -1 ? pattern.length : end;
      item(Math.max(0, stop - at - 2));
      // A repetition after `\E` applies to the last character alone.
      top.last = 1;
      at = end === -1 ? stop : stop + 2;
    } else if (char === "\\") {
      item(1);
      at += 2;
    } else if (char === "[") {
      item(1);
      at = classEnd(pattern, at);
    } else if (char === "(" && FLAGS.test(pattern.slice(at))) {
      // No item: a repetition after it applies to the one before.
      at = pattern.indexOf(")", at) + 1;
    } else if (char === "(") {
      top = { size: 3, last: 0 };
      stack.push(top);
      at += 1;
    } else if (char === ")") {
      if (stack.length > 1) {
        const group = stack.pop() as Level;
        top = stack[stack.length - 1] as Level;
        item(group.size);
      }
      at += 1;
    } else if (char === "{" && REPETITION.test(pattern.slice(at, at + 16))) {
      const found = REPETITION.exec(pattern.slice(at, at + 16)) as RegExpExecArray;
      const least = Number(found[1]);
      const most = found[3] ? Number(found[3]) : found[2] ? least + 1 : least;
      const repeated = (top.last + 1) * Math.max(1, least, most);
      top.size += repeated - top.last;
      top.last = repeated;
      at += found[0].length;
    } else if (char === "|") {
      // Itself, and a no-op for a side that is empty.
      item(2);
      at += 1;
    } else if (char === "*" || char === "+" || char === "?") {
      // The loop, and one more where what it repeats can be empty.
      top.size += 2;
      top.last += 2;
      at += 1;
    } else {
      item(1);
      at += 1;
    }
  }
  // Groups that were never closed still count; the compiler will refuse them.
  return stack.reduce((sum, level) => sum + level.size, 0);
}

/** Position after the `]` that closes the class opened at `start`: a leading `]` is a member, `[:alpha:]` is one item. */
function classEnd(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === "^") at += 1;
  if (pattern[at] === "]") at += 1;
  while (at < pattern.length && pattern[at] !== "]") {
    if (pattern[at] === "\\") at += 2;
    else if (pattern.startsWith("[:", at)) {
      const end = pattern.indexOf(":]", at + 2);
      at = end === -1 ? at + 1 : end + 2;
    } else at += 1;
  }
  return at + 1;
}
