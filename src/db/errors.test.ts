import { DrizzleQueryError } from "drizzle-orm/errors";
import { describe, expect, it } from "vitest";
import { classifyStorageError, StorageError, StorageUnavailable, toStorageError } from "./errors.ts";

/** As D1 throws it: prefixed, with the bare text in the cause. */
function d1Error(text: string): Error {
  return new Error(`D1_ERROR: ${text}`, { cause: new Error(text) });
}

describe("classifyStorageError", () => {
  it.each([
    ["Network connection lost.", "transient"],
    ["D1 DB reset because its code was updated.", "transient"],
    ["Internal error in D1 DB storage caused object to be reset.", "transient"],
    ["Cannot resolve D1 DB due to transient issue on remote node.", "transient"],
    ["internal error; reference = abc123", "transient"],
    ["D1 DB is overloaded. Requests queued for too long.", "overload"],
    ["D1 DB is overloaded. Too many requests queued.", "overload"],
    ["D1 DB storage operation exceeded timeout which caused object to be reset.", "query_fault"],
    ["D1 DB's isolate exceeded its memory limit and was reset.", "query_fault"],
    ["D1 DB exceeded its CPU time limit and was reset.", "query_fault"],
    ['near "SELEC": syntax error at offset 0: SQLITE_ERROR', "query_fault"],
    ["string or blob too big: SQLITE_TOOBIG", "query_fault"],
    ["Exceeded maximum DB size.", "full"],
    ["UNIQUE constraint failed: tokens.hash: SQLITE_CONSTRAINT", "constraint"],
    ["something that nobody has seen before", "unknown"],
  ] as const)("tells what %j means", (text, fault) => {
    expect(classifyStorageError(d1Error(text)).fault).toBe(fault);
    expect(classifyStorageError(new DrizzleQueryError("select 1", [], d1Error(text))).fault).toBe(fault);
  });

  it("is not misled by a parameter that quotes a marker", () => {
    const error = new DrizzleQueryError("insert", ["Network connection lost."], d1Error("x: SQLITE_CONSTRAINT"));
    expect(classifyStorageError(error).fault).toBe("constraint");
  });

  it("does not follow a chain that bites its tail for ever", () => {
    const error = new Error("round");
    error.cause = error;
    expect(classifyStorageError(error)).toEqual({ fault: "unknown", marker: "Error" });
  });
});

describe("toStorageError", () => {
  it("says nothing of the statement or its parameters, nor carries them along", () => {
    const error = toStorageError(
      "jobs.insert",
      new DrizzleQueryError("insert into jobs values (?)", ["s3cret"], d1Error("near s3cret: SQLITE_ERROR")),
    );
    expect(error.message).toBe("jobs.insert failed in D1: query_fault (SQLITE_ERROR)");
    expect(error.cause).toBeUndefined();
  });

  it("is a StorageUnavailable where coming back later helps, and only there", () => {
    expect(toStorageError("x", d1Error("Network connection lost."))).toBeInstanceOf(StorageUnavailable);
    expect(toStorageError("x", d1Error("D1 DB is overloaded."))).toBeInstanceOf(StorageUnavailable);
    const fault = toStorageError("x", d1Error("SQLITE_ERROR"));
    expect(fault).toBeInstanceOf(StorageError);
    expect(fault).not.toBeInstanceOf(StorageUnavailable);
  });
});
