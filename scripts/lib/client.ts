/** The few calls of the API that the scripts make, as any user would make them. */

export interface ApiAnswer {
  readonly status: number;
  /** The parsed body, or its text when it is not JSON. */
  readonly json: unknown;
}

export async function callApi(
  baseUrl: string,
  request: {
    readonly method: string;
    readonly path: string;
    readonly token: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<ApiAnswer> {
  const response = await fetch(`${baseUrl}${request.path}`, {
    method: request.method,
    headers: {
      authorization: `Bearer ${request.token}`,
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
  const text = await response.text();
  try {
    return { status: response.status, json: JSON.parse(text) as unknown };
  } catch {
    return { status: response.status, json: text };
  }
}

/** `what` failed: the sentence for the terminal, with the API's own words. */
export function apiFailure(what: string, answer: ApiAnswer): Error {
  const { error } = (answer.json ?? {}) as { error?: { message?: string; details?: unknown } };
  const said = error?.message ?? JSON.stringify(answer.json);
  const details = error?.details === undefined ? "" : ` ${JSON.stringify(error.details)}`;
  return new Error(`${what}: the API answered ${answer.status}: ${said}${details}`);
}
