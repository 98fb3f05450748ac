import { describe, expect, it } from "vitest";
import { documentOf } from "../openapi.ts";
import { OPERATIONS } from "../v1/operations.ts";
import { docsPage } from "./page.ts";

const page = await docsPage(OPERATIONS, documentOf(OPERATIONS), "https://carillon.test");

describe("docsPage", () => {
  it.each(OPERATIONS.map(({ contract }) => contract))("shows $id with its path and a curl", ({ id, path }) => {
    const start = page.indexOf(`<section id="${id}">`);
    const section = page.slice(start, page.indexOf("</section>", start));
    expect(start).toBeGreaterThan(0);
    expect(section).toContain(path);
    expect(section).toContain("https://carillon.test");
    expect(section).toContain("curl");
  });

  it("loads nothing from elsewhere and runs nothing", () => {
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(/);
  });

  it("links only to anchors that exist", () => {
    const anchors = [...page.matchAll(/href="#([\w-]+)"/g)].map(([, anchor]) => anchor);
    for (const anchor of new Set(anchors)) expect(page).toContain(`id="${anchor}"`);
  });

  it("escapes what stands in it", () => {
    expect(page).not.toContain("<token>");
  });
});
