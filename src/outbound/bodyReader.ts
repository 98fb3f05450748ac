/** Reads at most a fixed number of bytes of a response and gives them back as text. */

/** 64 KB of decoded body (DESIGN section 5). */
export const MAX_BODY_BYTES = 65_536;

export interface BoundedBody {
  readonly bytes: Uint8Array;
  readonly truncated: boolean;
}

/**
 * Reads up to `maxBytes`, then cancels the stream, which closes the connection. The bytes counted are those after
 * decompression, so whatever is sent (a gigabyte, a stream without end, a gzip bomb) costs one buffer of `maxBytes` and
 * one chunk. Throws what the stream throws when the connection breaks or the body cannot be decompressed.
 */
export async function readBounded(stream: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<BoundedBody> {
  if (stream === null) return { bytes: new Uint8Array(0), truncated: false };
  const reader = stream.getReader();
  let buffer = new Uint8Array(0);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes: buffer.subarray(0, length), truncated: false };
    const kept = value.subarray(0, maxBytes - length);
    buffer = withRoom(buffer, length, kept.length, maxBytes);
    buffer.set(kept, length);
    length += kept.length;
    if (kept.length < value.length) {
      // Nothing more is wanted of this stream, so whether it ends well is of no interest.
      void reader.cancel().catch(() => undefined);
      return { bytes: buffer.subarray(0, length), truncated: true };
    }
  }
}

/** Doubles the buffer when it is full: a body that drips must not cost one object per byte. */
function withRoom(buffer: Uint8Array<ArrayBuffer>, used: number, more: number, maxBytes: number) {
  if (used + more <= buffer.length) return buffer;
  const grown = new Uint8Array(Math.min(maxBytes, Math.max(used + more, 2 * buffer.length)));
  grown.set(buffer.subarray(0, used));
  return grown;
}

/**
 * Decodes UTF-8 leniently: a bad sequence becomes U+FFFD, a character split by the cut is left out. A body with NUL bytes
 * that does not claim to be text becomes a marker, since nobody can read it and stores do not like it.
 */
export function bodyText(body: BoundedBody, contentType: string | null): string {
  if (!claimsText(contentType) && body.bytes.includes(0)) {
    return body.truncated
      ? `[binary body, first ${body.bytes.length} bytes not shown]`
      : `[binary body, ${body.bytes.length} bytes not shown]`;
  }
  return new TextDecoder().decode(body.bytes, { stream: body.truncated });
}

function claimsText(contentType: string | null): boolean {
  const mediaType = (contentType ?? "").split(";", 1)[0] ?? "";
  return /^\s*(text\/|application\/(.+\+)?(json|xml)\b|application\/x-www-form-urlencoded)/i.test(mediaType);
}
