import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MASK, makeRedactor, redactJson } from "./redact.ts";

const SECRET = "s3cr+t/k?y ü\"x'";
const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

describe("makeRedactor", () => {
  const redact = makeRedactor([SECRET]);

  it.each([
    ["raw", SECRET],
    ["as a header carries it", "s3cr+t/k?y %C3%BC\"x'"],
    ["percent-encoded", encodeURIComponent(SECRET)],
    ["percent-encoded in lower case", "s3cr%2bt%2fk%3fy%20%c3%bc%22x'"],
    ["as a form field", new URLSearchParams({ k: SECRET }).toString().slice(2)],
    ["as the URL standard writes a query", new URL(`https://e.com/?${encodeURIComponent(SECRET)}`).search.slice(1)],
    ["in base64", base64(SECRET)],
    ["in base64 without padding", base64(SECRET).replace(/=+$/, "")],
    ["in base64url", Buffer.from(SECRET, "utf8").toString("base64url")],
    ["as a JSON string", JSON.stringify(SECRET).slice(1, -1)],
    ["as ASCII JSON", "s3cr+t/k?y \\u00fc\\\"x'"],
    ["as a JSON string within a JSON string", JSON.stringify(JSON.stringify(SECRET)).slice(3, -3)],
    ["in lower case, as in a host name", SECRET.toLowerCase()],
    ["as JSON with escaped slashes", "s3cr+t\\/k?y \\u00fc\\\"x'"],
  ])("masks a secret %s", (_, form) => {
    expect(redact(`<${form}>`)).toBe(`<${MASK}>`);
  });

  it.each(["u:", "us:", "use:", "user:"])("masks a secret within a longer base64 text after %s", (before) => {
    const whole = base64(`${before}${SECRET}:after`);
    const masked = redact(whole);
    expect(masked).toContain(MASK);
    // What is left is the neighbours' text and at most the few bits that a character shares with them.
    expect(masked.length - MASK.length).toBeLessThanOrEqual(base64(`${before}:after`).length + 4);
  });

  it("masks values of any length, and nothing for an empty one", () => {
    expect(makeRedactor(["x"])("axb")).toBe(`a${MASK}b`);
    expect(makeRedactor([""])("abc")).toBe("abc");
    expect(makeRedactor([])("abc")).toBe("abc");
  });

  it("leaves nothing of secrets that overlap or contain one another", () => {
    expect(makeRedactor(["abcd", "cdef", "abcdefgh"])("_abcdef_abcdefgh_abcdcdef_")).toBe(`_${MASK}_${MASK}_${MASK}_`);
    expect(makeRedactor(["aaaa"])(`b${"a".repeat(9)}b`)).toBe(`b${MASK}b`);
    expect(makeRedactor(["abab"])("xabababx")).toBe(`x${MASK}x`);
  });

  it("takes a secret that looks like a pattern literally", () => {
    expect(makeRedactor([".*$&"])("abc .*$& d")).toBe(`abc ${MASK} d`);
  });

  it("masks the beginning of a secret where a text was cut off", () => {
    const cut = makeRedactor(["hunter2-hunter3"]);
    expect(cut("key=hunter2-hu", { cutAtEnd: true })).toBe(`key=${MASK}`);
    expect(cut("key=hunter2-hu")).toBe("key=hunter2-hu");
    expect(cut("key=hun", { cutAtEnd: true })).toBe("key=hun");
  });

  it("stays fast on long runs of one character", () => {
    const masked = makeRedactor(["a".repeat(5_000), "aaaa"])("a".repeat(1_000_000));
    expect(masked).toBe(MASK);
  });

  it("leaves no secret in any encoding, wherever it stands", () => {
    const secret = fc.string({ unit: fc.constantFrom(..."ABXYZ019+/ü%&"), minLength: 4, maxLength: 24 });
    const filler = fc.string({ maxLength: 12 });
    const encodings: ((value: string, before: string, after: string) => string)[] = [
      (value, before, after) => before + value + after,
      (value, before, after) => before + encodeURIComponent(value) + after,
      (value, before, after) => before + encodeURIComponent(value).replaceAll(/%../g, (e) => e.toLowerCase()) + after,
      (value, before, after) => before + new URLSearchParams([["k", value]]).toString() + after,
      (value, before, after) => JSON.stringify({ k: before + value + after }),
      (value) => base64(value),
      (value) => Buffer.from(value, "utf8").toString("base64url"),
    ];
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...encodings),
        filler,
        filler,
        (values, encode, before, after) => {
          const redact = makeRedactor(values);
          const text = values.map((value) => encode(value, before, after)).join(" ");
          const masked = redact(text);
          for (const value of values) {
            for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), base64(value)]) {
              expect(masked).not.toContain(form);
            }
          }
        },
      ),
    );
  });

  it("leaves no readable piece of a secret in base64 of a longer text", () => {
    const bytes = fc.string({ unit: fc.constantFrom(..."abcdefgh-ü"), minLength: 8, maxLength: 20 });
    fc.assert(
      fc.property(
        bytes,
        fc.string({ unit: fc.constantFrom("1", "2"), maxLength: 5 }),
        fc.string({ unit: fc.constantFrom("3"), maxLength: 5 }),
        (value, before, after) => {
          const masked = makeRedactor([value])(base64(before + value + after));
          const [left = "", right = ""] = masked.split(MASK);
          expect(masked).toContain(MASK);
          const neighbours = Buffer.byteLength(before + after);
          expect(left.length + right.length).toBeLessThanOrEqual(Math.ceil((neighbours * 8) / 6) + 6);
        },
      ),
    );
  });
});

describe("redactJson", () => {
  it("masks a secret that came back as a number or a truth value", () => {
    const redact = makeRedactor(["8305517294", "true"]);
    expect(redactJson([8305517294, 17, true, false, null], redact)).toEqual([MASK, 17, MASK, false, null]);
  });

  it("masks strings and keys at every depth and keeps the rest", () => {
    const redact = makeRedactor(["hunter2"]);
    expect(redactJson({ hunter2: [1, "x hunter2", null, { a: true }] }, redact)).toEqual({
      [MASK]: [1, `x ${MASK}`, null, { a: true }],
    });
  });
});
