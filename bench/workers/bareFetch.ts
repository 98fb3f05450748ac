/** The limit of the runtime on this machine: a Worker that calls the target for every request, and does nothing else. */

interface Bindings {
  readonly TARGET_URL: string;
}

export default {
  async fetch(_request, env) {
    const answer = await fetch(env.TARGET_URL);
    await answer.text();
    return new Response(null, { status: 202 });
  },
} satisfies ExportedHandler<Bindings>;
