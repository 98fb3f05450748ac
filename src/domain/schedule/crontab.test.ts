import { describe, expect, it } from "vitest";
import { parseCrontab } from "./crontab.ts";

function reasonOf(text: string, defaultUrl?: string): string {
  const [line] = parseCrontab(text, { defaultUrl });
  return line === undefined || line.ok ? `accepted: ${JSON.stringify(line)}` : line.reason;
}

describe("parseCrontab", () => {
  it("reads lines, counts them from 1, and leaves out blanks and comments", () => {
    expect(
      parseCrontab("# nightly\r\n\r\n  0 2 * * *   https://a.example/x?y=1#z \r\n*/5 * * * MON http://b.example"),
    ).toEqual([
      {
        line: 3,
        text: "0 2 * * *   https://a.example/x?y=1#z",
        ok: true,
        expression: "0 2 * * *",
        url: "https://a.example/x?y=1#z",
      },
      {
        line: 4,
        text: "*/5 * * * MON http://b.example",
        ok: true,
        expression: "*/5 * * * MON",
        url: "http://b.example",
      },
    ]);
  });

  it.each([
    ["@hourly", "0 * * * *"],
    ["@daily", "0 0 * * *"],
    ["@midnight", "0 0 * * *"],
    ["@weekly", "0 0 * * 0"],
    ["@Monthly", "0 0 1 * *"],
    ["@yearly", "0 0 1 1 *"],
    ["@annually", "0 0 1 1 *"],
  ])("expands %s", (nickname, expression) => {
    expect(parseCrontab(`${nickname} https://a.example`)).toMatchObject([{ ok: true, expression }]);
  });

  it("gives lines without a URL the default one", () => {
    expect(parseCrontab("0 2 * * *\n@daily", { defaultUrl: "https://d.example" })).toMatchObject([
      { ok: true, url: "https://d.example" },
      { ok: true, url: "https://d.example" },
    ]);
  });

  it("does not let one bad line stop the others", () => {
    expect(
      parseCrontab("\uFEFF0 2 * * * https://a.example\n61 * * * * https://a.example\n0 3 * * * https://a.example").map(
        (line) => line.ok,
      ),
    ).toEqual([true, false, true]);
  });

  it.each([
    ["0 2 * * *", "There is no URL."],
    ["@daily", "There is no URL."],
    ["@reboot https://a.example", "@reboot has no meaning here"],
    ["@fortnightly https://a.example", '"@fortnightly" is not known. Accepted: @hourly, @daily'],
    ["MAILTO=ops@a.example", '"MAILTO" sets an environment variable'],
    ["CRON_TZ = Europe/Berlin", '"CRON_TZ" sets an environment variable'],
    [
      "0 5 * * * curl -fsS https://a.example",
      'After the schedule comes "curl -fsS https://a.example", which is not one URL',
    ],
    ["0 5 * * * https://a.example https://b.example", "which is not one URL"],
    ["0 5 * * * https://a.example # nightly", "which is not one URL"],
    ["0 5 * * * ftp://a.example", "which is not one URL"],
    ["@daily /usr/bin/backup", "which is not one URL"],
    ["0 5 * MON https://a.example", '"0 5 * MON" has 4'],
    ["0 0 5 * * 1 https://a.example", "has 6; seconds and years are not supported"],
    ["61 * * * * https://a.example", 'The minute field has "61": 61 is outside 0-59'],
    ["0 0 31 2 * https://a.example", "no such date ever comes"],
    ["hello", "Carillon's cron has five fields"],
  ])("refuses %s and says why", (text, reason) => {
    expect(reasonOf(text)).toContain(reason);
  });

  it("does not put the default URL in place of a command", () => {
    expect(reasonOf("0 5 * * * /usr/bin/backup", "https://d.example")).toContain("commands are not run");
  });

  it("finds nothing in empty text", () => {
    expect(parseCrontab(" \n# only a comment\n")).toEqual([]);
  });
});
