/** Labels: what a caller hangs on an execution to find it by and to remember with it. The engine knows nothing of them. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";

export type Metadata = Readonly<Record<string, JsonValue>>;

export interface Labels {
  readonly tags: readonly string[];
  readonly metadata: Metadata | null;
  readonly updatedAtMs: number;
}

export const TAGS_MOST = 10;
export const TAG_CHARACTERS_MOST = 128;
/** Of the metadata as JSON. */
export const METADATA_BYTES_MOST = 256 * 1_024;

/** In their order, each once. */
export function distinctTags(tags: readonly string[]): readonly string[] {
  return [...new Set(tags)];
}

/** What is wrong with tags one by one; how many there may be is for the caller to say. */
export function tagIssues(tags: readonly string[]): FieldIssue[] {
  return tags.flatMap((tag, index) =>
    tag.length >= 1 && tag.length <= TAG_CHARACTERS_MOST
      ? []
      : [{ path: `tags[${index}]`, message: `must have 1 to ${TAG_CHARACTERS_MOST} characters` }],
  );
}

export function metadataBytes(metadata: Metadata): number {
  return new TextEncoder().encode(JSON.stringify(metadata)).length;
}
