import { describe, expect, it } from "vitest";
import { readStepFailure, stepFailureSentence } from "./stepFailure.ts";

describe("the sentence about a failed step", () => {
  it.each([
    ["lookup", "The target answered 404."],
    ["check.then.b", "profile not found"],
    ["each[12].both[0].c-d_e", 'Its first line,\nand a second: Step "x" failed: why'],
    ["a", ""],
  ])("gives back the path %s and the message", (path, message) => {
    expect(readStepFailure(stepFailureSentence(path, message))).toEqual({ path, message });
  });

  it.each(["Cancelled by request.", 'The step "a" failed: no', 'Step "a b" failed: no', ""])(
    "is none of %j",
    (sentence) => {
      expect(readStepFailure(sentence)).toBeNull();
    },
  );
});
