/** The least that runs a request later: every request is a message, and every message calls the target. */

interface Bindings {
  readonly QUEUE: Queue<null>;
  readonly TARGET_URL: string;
}

export default {
  async fetch(_request, env) {
    await env.QUEUE.send(null);
    return new Response(null, { status: 202 });
  },

  /** As Carillon does it, the queue is freed at once: waiting for the target would slow this one down. */
  queue(batch, env, context) {
    context.waitUntil(Promise.all(batch.messages.map(() => call(env.TARGET_URL))));
  },
} satisfies ExportedHandler<Bindings, null>;

async function call(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.text();
}
