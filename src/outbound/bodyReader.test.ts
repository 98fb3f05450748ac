import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { bodyText, readBounded } from "./bodyReader.ts";

/** A stream of the given chunks that knows how many were asked for and whether it was cancelled. */
function source(chunks: Iterable<Uint8Array>) {
  const iterator = chunks[Symbol.iterator]();
  const seen = { pulled: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = iterator.next();
        if (next.done === true) {
          controller.close();
          return;
        }
        seen.pulled += 1;
        controller.enqueue(next.value);
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

function* endless(size: number) {
  for (;;) yield new Uint8Array(size).fill(120);
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("readBounded", () => {
  it("gives an empty body for none", async () => {
    expect(await readBounded(null, 10)).toEqual({ bytes: new Uint8Array(0), truncated: false });
  });

  it("puts chunks of any size together and cuts at the limit", async () => {
    const sizes = fc.array(fc.uint8Array({ minLength: 0, maxLength: 40 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 200 }), async (chunks, limit) => {
        const whole = Buffer.concat(chunks);
        const body = await readBounded(source(chunks).stream, limit);
        expect(Buffer.from(body.bytes)).toEqual(whole.subarray(0, limit));
        expect(body.truncated).toBe(whole.length > limit);
      }),
      { numRuns: 200 },
    );
  });

  it("cancels an endless stream one chunk after the limit", async () => {
    const { stream, seen } = source(endless(1_000));
    const body = await readBounded(stream, 2_500);
    expect(body.bytes.length).toBe(2_500);
    expect(seen).toEqual({ pulled: 3, cancelled: true });
  });

  it("does not copy more than the limit out of one huge chunk", async () => {
    const body = await readBounded(source([new Uint8Array(10_000_000)]).stream, 100);
    expect(body.bytes.buffer.byteLength).toBe(100);
  });

  it("calls a body of exactly the limit whole", async () => {
    expect((await readBounded(source([new Uint8Array(64)]).stream, 64)).truncated).toBe(false);
  });

  it("throws what the stream throws", async () => {
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error("lost")) });
    await expect(readBounded(stream, 10)).rejects.toThrow("lost");
  });
});

describe("bodyText", () => {
  it("leaves out a character that the cut has split", () => {
    const bytes = bytesOf("é🔔");
    for (const [length, text] of [
      [2, "é"],
      [3, "é"],
      [5, "é"],
      [6, "é🔔"],
    ] as const) {
      expect(bodyText({ bytes: bytes.subarray(0, length), truncated: true }, "text/plain")).toBe(text);
    }
  });

  it("shows a bad sequence as U+FFFD and drops a byte order mark", () => {
    expect(bodyText({ bytes: Uint8Array.of(0x61, 0xff, 0x62), truncated: false }, null)).toBe("a\ufffdb");
    expect(bodyText({ bytes: bytesOf("\ufeffok"), truncated: false }, null)).toBe("ok");
    expect(bodyText({ bytes: Uint8Array.of(0xe2, 0x82), truncated: false }, null)).toBe("\ufffd");
  });

  it("replaces a binary body by a marker that counts it", () => {
    const bytes = Uint8Array.of(0x89, 0x50, 0, 0);
    expect(bodyText({ bytes, truncated: false }, "image/png")).toBe("[binary body, 4 bytes not shown]");
    expect(bodyText({ bytes, truncated: true }, null)).toBe("[binary body, first 4 bytes not shown]");
  });

  it.each([
    "text/plain",
    "TEXT/html; charset=utf-8",
    "application/json",
    "application/problem+json",
    "application/xml",
  ])("shows a body with NUL bytes that claims to be %s", (contentType) => {
    expect(bodyText({ bytes: Uint8Array.of(0x61, 0, 0x62), truncated: false }, contentType)).toBe("a\0b");
  });

  it("shows text of an unknown or binary type that holds no NUL", () => {
    expect(bodyText({ bytes: bytesOf("plain"), truncated: false }, "application/octet-stream")).toBe("plain");
  });
});
