/** `wrangler.toml` in Miniflare's words: bindings, consumers, compatibility. wrangler itself translates. */

/** Plain JSON, so that it can be kept beside the bundle: importing wrangler costs more than a second. */
export interface WorkerOptions {
  /** Part of the identity of its Durable Objects: `npm run dev` then finds the ones of `npm start`. */
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export async function readWorkerOptions(configPath: string): Promise<WorkerOptions> {
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await import("wrangler");
  const config = unstable_readConfig({ config: configPath });
  // The rules are for wrangler's own bundling, which has happened already.
  const { modulesRules: _modulesRules, ...options } = unstable_getMiniflareWorkerOptions(config).workerOptions;
  // The text bindings of the file alone: a developer's .dev.vars are for `wrangler dev`, and would change what tests see.
  return { name: config.name ?? "worker", options: { ...options, bindings: config.vars } };
}
