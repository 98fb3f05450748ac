/** A piece of a list whose order is that of its ids, newest first. */

export interface SliceRequest {
  readonly limit: number;
  /** Ids: the piece after one of them, or the piece before the other. At most one of the two is given. */
  readonly after?: string;
  readonly before?: string;
}

export interface Slice<T> {
  readonly items: readonly T[];
  /** Whether there is more in the direction of the request: after the piece, or before it when `before` was given. */
  readonly hasMore: boolean;
}
