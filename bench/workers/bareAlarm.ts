/** The least that fires on time: one object per job, whose alarm sends a message, which calls the target. */

import { DurableObject } from "cloudflare:workers";

interface Bindings {
  readonly OBJECTS: DurableObjectNamespace<BareAlarm>;
  readonly QUEUE: Queue<null>;
  readonly TARGET_URL: string;
}

export class BareAlarm extends DurableObject<Bindings> {
  async arm(atMs: number): Promise<void> {
    await this.ctx.storage.setAlarm(atMs);
  }

  override async alarm(): Promise<void> {
    await this.env.QUEUE.send(null);
  }
}

export default {
  /** `?name=N&at=MS` arms the object of that name. */
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    await env.OBJECTS.getByName(searchParams.get("name") ?? "").arm(Number(searchParams.get("at")));
    return new Response(null, { status: 202 });
  },

  queue(batch, env, context) {
    context.waitUntil(Promise.all(batch.messages.map(() => call(env.TARGET_URL))));
  },
} satisfies ExportedHandler<Bindings, null>;

async function call(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.text();
}
