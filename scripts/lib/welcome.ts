/** The first block that `npm start` prints. */

import { paint } from "./executionLines.ts";

const BOLD = 1;

export interface Welcome {
  readonly url: string;
  readonly token: string;
  readonly stateDir: string;
  readonly isFirstStart: boolean;
  readonly sampleCount: number;
  /** What the printed curl's job calls. */
  readonly targetUrl: string;
  readonly colour: boolean;
}

export function renderWelcome(welcome: Welcome): string {
  const { url, token, colour } = welcome;
  const kept = welcome.isFirstStart
    ? `First start: created a workspace${welcome.sampleCount > 0 ? ` and ${welcome.sampleCount} sample jobs` : ""}.`
    : "The data of the earlier start is kept; nothing was created again.";
  return `
  ${paint("Carillon is running", BOLD, colour)}   ${kept} State: ${welcome.stateDir}

  API    ${url}
  Docs   ${url}/docs
  Token  ${token}

  Create a job and watch it run:

${renderCurl(welcome)}

  Ctrl-C stops it.
`;
}

/** A command for a POSIX shell, to be pasted as it stands. */
export function renderCurl({ url, token, targetUrl }: Pick<Welcome, "url" | "token" | "targetUrl">): string {
  const job = JSON.stringify({ name: "my-first-job", kind: "one_time", request: { method: "GET", url: targetUrl } });
  return [
    `curl -sS ${url}/v1/jobs \\`,
    `  -H ${quote(`authorization: Bearer ${token}`)} \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d ${quote(job)}`,
  ].join("\n");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
