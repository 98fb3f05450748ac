import { describe, expect, it } from "vitest";
import { BODY_BYTES_MOST, canonicalJson, parseJson, readBytes, readText } from "./readBody.ts";

function post(body: BodyInit, headers: Record<string, string> = {}): Request {
  return new Request("https://carillon.test/", { method: "POST", body, headers, duplex: "half" } as RequestInit);
}

function stream(chunks: number, size: number): ReadableStream<Uint8Array> {
  let left = chunks;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(size).fill(0x20));
      else controller.close();
    },
  });
}

describe("readText", () => {
  it("takes exactly as much as is allowed", async () => {
    expect((await readText(post("x".repeat(BODY_BYTES_MOST)))).ok).toBe(true);
  });

  it("counts the stream when there is no content-length", async () => {
    const read = await readText(post(stream(1_000, 1_024)));
    expect(!read.ok && read.error.code).toBe("payload_too_large");
  });

  it("decodes characters that are split between chunks", async () => {
    const bytes = new TextEncoder().encode("a€b");
    const split = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    expect(await readText(post(split))).toEqual({ ok: true, value: "a€b" });
  });

  it("refuses bytes that are not UTF-8", async () => {
    const read = await readText(post(new Uint8Array([0x22, 0xff, 0x22])));
    expect(!read.ok && read.error.code).toBe("malformed_json");
  });
});

describe("readBytes", () => {
  it("takes whatever arrives, in however many parts", async () => {
    expect(await readBytes(post(Uint8Array.of(0xff, 0)))).toEqual({ ok: true, value: Uint8Array.of(0xff, 0) });
    const read = await readBytes(post(stream(3, 1_024)));
    expect(read.ok && read.value.every((byte) => byte === 0x20) && read.value.length).toBe(3_072);
    expect(await readBytes(new Request("https://carillon.test/", { method: "POST" }))).toEqual({
      ok: true,
      value: new Uint8Array(),
    });
  });
});

describe("parseJson", () => {
  it("says where the text stops being JSON", () => {
    const parsed = parseJson('{"name": nightly}');
    expect(!parsed.ok && parsed.error.message).toBe(
      'The body is not valid JSON at position 9 (line 1, column 10): expected a value, but "n" stands there.',
    );
  });

  it("refuses the one name that libraries lose", () => {
    expect(parseJson('{"a": [{"__proto__": 1}]}').ok).toBe(false);
  });
});

describe("canonicalJson", () => {
  it("is the same for every order of keys and every spacing", () => {
    const one = JSON.parse('{"b": [1, {"d": null, "c": "x"}], "a": true}');
    const other = JSON.parse('{"a":true,"b":[1,{"c":"x","d":null}]}');
    expect(canonicalJson(one)).toBe(canonicalJson(other));
    expect(canonicalJson(one)).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  });

  it("differs where the values differ", () => {
    expect(canonicalJson({ a: "1" })).not.toBe(canonicalJson({ a: 1 }));
  });
});
