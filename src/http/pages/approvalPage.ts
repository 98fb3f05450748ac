/**
 * The page behind an approval's link: what is to be decided, a comment, two buttons.
 *
 * Guarantee: it runs nothing and loads nothing, is kept nowhere, and tells its address, which is a capability, to nobody.
 * Looking at it decides nothing, since previews and scanners look at links as well.
 */

import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { LinkOutcome } from "../../app/approvals/approvalLink.ts";
import { COMMENT_CHARACTERS_MOST } from "../../app/approvals/decideApproval.ts";
import type { ApprovalEnd, ApprovalView } from "../../domain/engine/protocol.ts";
import { sha256 } from "../../domain/signing/sha256.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;
type Decision = "approve" | "reject";

const STYLE = `
:root { color-scheme: light dark; --line: #767676; --accent: #0a5ca8; --on-accent: #fff; }
@media (prefers-color-scheme: dark) { :root { --accent: #8cc8ff; --on-accent: #111; } }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.5rem; }
.message { font-size: 1.15rem; white-space: pre-wrap; overflow-wrap: anywhere; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; }
textarea { box-sizing: border-box; width: 100%; min-height: 6rem; font: inherit; border: 1px solid var(--line); padding: .5rem; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; min-width: 8rem; margin: 1rem .5rem 0 0; border: 2px solid var(--accent); border-radius: 6px; color: var(--accent); background: transparent; cursor: pointer; }
button.approve { background: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`;

const STYLE_HASH = btoa(String.fromCharCode(...sha256(new TextEncoder().encode(STYLE))));

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "x-robots-tag": "noindex, nofollow",
} as const;

/** Seconds after which to try again what could not be reached. */
const RETRY_AFTER_SECONDS = "5";

export interface PageAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `token` is that of the link; `wanted` what its address says that its reader means to do. */
export async function approvalPage(outcome: LinkOutcome, token: string, wanted: Decision | null): Promise<PageAnswer> {
  switch (outcome.type) {
    case "open":
      return await page(200, "A decision is needed", openBody(outcome.approval, token, wanted));
    case "decided":
      return await page(
        200,
        outcome.decision === "approve" ? "Approved" : "Rejected",
        html`<p>Thank you. Your decision was recorded. You can close this page.</p>`,
      );
    case "closed":
      return await page(
        outcome.approval.end === null ? 409 : 410,
        closedTitle(outcome.approval),
        closedBody(outcome.approval),
      );
    case "unknown":
      return await page(
        404,
        "This link opens nothing",
        html`<p>It may be incomplete, or what it belongs to was deleted meanwhile. Ask whoever sent it to you.</p>`,
      );
    case "unavailable": {
      const answer = await page(
        503,
        "Not just now",
        html`<p>What this link belongs to could not be reached. Nothing was decided; please try again in a moment.</p>`,
      );
      return { ...answer, headers: { ...answer.headers, "retry-after": RETRY_AFTER_SECONDS } };
    }
  }
}

async function page(status: number, title: string, content: Html): Promise<PageAnswer> {
  // In one piece, because the hash is of exactly this text.
  const style = raw(`<style>${STYLE}</style>`);
  const body = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${style}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`;
  return { status, body: body.toString(), headers: HEADERS };
}

function closedTitle({ end }: ApprovalView): string {
  if (end === null) return "There is nothing to decide yet";
  if (end === undefined || end.decision !== null) return "This was decided already";
  return end.timedOut ? "The time for this is over" : "This has ended without a decision";
}

function closedBody(approval: ApprovalView): Html {
  const { jobName, step, message, end } = approval;
  if (end === null) {
    return html`<p>The execution has not come to this step. Please open the link again in a moment.</p>`;
  }
  return html`${message === "" ? "" : html`<p class="message">${message}</p>`}
    <dl>
      <dt>Job</dt>
      <dd>${jobName}, step ${step}</dd>
      ${end === undefined ? "" : endRows(end)}
    </dl>
    <p>There is nothing left to do with this link.</p>`;
}

function endRows({ decision, by, timedOut, atMs }: ApprovalEnd): Html {
  return html`${
    decision === null
      ? ""
      : html`<dt>Decision</dt>
          <dd>
            ${decision === "approved" ? "Approved" : "Rejected"}${timedOut ? ", because nobody decided in time" : ""}
          </dd>`
  }
  ${
    by === null
      ? ""
      : html`<dt>By</dt>
          <dd>${by === "link" ? "somebody who had this link" : by}</dd>`
  }
  ${
    atMs === null
      ? ""
      : html`<dt>${decision === null ? "Ended" : "When"}</dt>
          <dd>${time(atMs)}</dd>`
  }`;
}

/** The buttons' addresses are relative, so that they also hold behind a proxy that adds to the path. */
function openBody(approval: ApprovalView, token: string, wanted: Decision | null): Html {
  const { jobName, step, message, approvers, untilMs } = approval;
  const base = encodeURIComponent(token);
  const hint =
    wanted === null ? "" : html`<p>To ${wanted}, press the button below; following the link decided nothing.</p>`;
  return html`<p class="message">${message}</p>
    <dl>
      <dt>Job</dt>
      <dd>${jobName}, step ${step}</dd>
      ${
        approvers.length === 0
          ? ""
          : html`<dt>Asked</dt>
              <dd>${approvers.join(", ")}</dd>`
      }
      ${
        untilMs === null
          ? ""
          : html`<dt>Open until</dt>
              <dd>${time(untilMs)}</dd>`
      }
    </dl>
    ${hint}
    <form method="post" action="${base}/approve">
      <label for="comment">Comment (optional)</label>
      <textarea id="comment" name="comment" maxlength="${COMMENT_CHARACTERS_MOST}"></textarea>
      <div>
        <button class="approve" type="submit">Approve</button>
        <button class="reject" type="submit" formaction="${base}/reject">Reject</button>
      </div>
    </form>`;
}

function time(ms: number): Html {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
}
