import { describe, expect, it } from "vitest";
import { mediaTypeOf, parseInboundBody } from "./inboundBody.ts";

function parse(content: string | Uint8Array, contentType: string | null = null) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return parseInboundBody({ bytes, contentType });
}

const FORM = "application/x-www-form-urlencoded";

describe("parseInboundBody", () => {
  it("reads nothing as null", async () => {
    expect(await parse("", "application/json")).toBeNull();
  });

  it.each(["application/json", "Application/JSON; charset=utf-8", "application/vnd.github+json", "text/json", null])(
    "reads JSON sent as %s",
    async (type) => {
      expect(await parse('{"a":[1,null]}', type)).toEqual({ a: [1, null] });
      expect(await parse("null", type)).toBeNull();
    },
  );

  it("keeps as text what is called JSON and is none", async () => {
    expect(await parse('{"a":', "application/json")).toBe('{"a":');
  });

  it("keeps as text what would cost a walk its stack, or hides a prototype", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(await parse(deep, "application/json")).toBe(deep);
    expect(await parse("[".repeat(64) + "]".repeat(64), "application/json")).toEqual(expect.any(Array));
    const hidden = '{"a":{"__proto__":{"admin":true}}}';
    expect(await parse(hidden, "application/json")).toBe(hidden);
  });

  it("reads a form, repeated names as a list", async () => {
    expect(await parse("a=1&b=%C3%A9+x&a=2&c", FORM)).toEqual({ a: ["1", "2"], b: "é x", c: "" });
    expect(await parse("__proto__=1&constructor=2", FORM)).toEqual({ constructor: "2" });
  });

  it("reads JSON that curl -d calls a form", async () => {
    expect(await parse('{"a":1}', FORM)).toEqual({ a: 1 });
    expect(await parse("{a}=1", FORM)).toEqual({ "{a}": "1" });
  });

  it("reads a multipart form, and of a file what it is", async () => {
    const form = new FormData();
    form.append("a", "1");
    form.append("doc", new File(["abc"], "x.txt", { type: "text/plain" }));
    const sent = new Response(form);
    const bytes = new Uint8Array(await sent.arrayBuffer());
    expect(await parse(bytes, sent.headers.get("content-type"))).toEqual({
      a: "1",
      doc: { filename: "x.txt", content_type: "text/plain", size: 3 },
    });
    expect(await parse("no parts", "multipart/form-data")).toBe("no parts");
  });

  it("keeps anything else as text, by its charset", async () => {
    expect(await parse('{"a":1}', "text/plain")).toBe('{"a":1}');
    expect(await parse("<a/>", "application/xml")).toBe("<a/>");
    expect(await parse(Uint8Array.of(0xe9), "text/plain; charset=iso-8859-1")).toBe("é");
    expect(await parse("é", "text/plain; charset=none-such")).toBe("é");
  });

  it("gives bytes that are no text as base64, also many", async () => {
    expect(await parse(Uint8Array.of(0xff, 0xfe, 0xff), "application/octet-stream")).toEqual({ base64: "//7/" });
    const many = await parse(new Uint8Array(256 * 1_024).fill(0xff), "image/png");
    expect(many).toEqual({ base64: expect.stringMatching(/^\/{349524}/) });
  });
});

describe("mediaTypeOf", () => {
  it("leaves parameters out", () => {
    expect([mediaTypeOf(" Text/Plain ; charset=x"), mediaTypeOf(""), mediaTypeOf(null)]).toEqual([
      "text/plain",
      null,
      null,
    ]);
  });
});
