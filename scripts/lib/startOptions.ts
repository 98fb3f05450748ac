/** The flags of `npm start` and `npm run dev`. */

import { parseArgs } from "node:util";

export interface StartOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly stateDir: string;
  /** The owner token that the first start is to use; `null` lets it make one. */
  readonly token: string | null;
  readonly samples: boolean;
  readonly quiet: boolean;
  /** Refuses loopback and private targets, as a deployment does. */
  readonly strictTargets: boolean;
}

export const DEFAULT_PORT = 8787;

export const HELP = `Runs a whole Carillon instance on this machine: API, D1, Durable Objects and queues. Nothing to sign up for.

  npm start -- [flags]

  --port N           port of the API, 0 for any free one (default ${DEFAULT_PORT})
  --state DIR        where the data and the tokens are kept (default .carillon)
  --token T          use this owner token instead of generating one; first start only
  --no-samples       create no sample jobs on the first start
  --quiet            print the first block only: no executions, no faults
  --strict-targets   refuse loopback and private targets, as a deployment does; implies --no-samples
  --help             this text
`;

/** The options, `"help"`, or the sentence that says what is wrong with them. */
export function parseStartOptions(args: readonly string[]): StartOptions | "help" | { readonly problem: string } {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      strict: true,
      allowNegative: true,
      options: {
        port: { type: "string", default: String(DEFAULT_PORT) },
        state: { type: "string", default: ".carillon" },
        token: { type: "string" },
        samples: { type: "boolean", default: true },
        quiet: { type: "boolean", default: false },
        "strict-targets": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return "help";
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) {
    return { problem: `--port takes a number from 0 to 65535, not "${values.port}".` };
  }
  if (values.state === "") return { problem: "--state takes a directory." };
  if (values.token === "") return { problem: "--token takes a token." };
  return {
    port,
    stateDir: values.state,
    token: values.token ?? null,
    samples: values.samples && !values["strict-targets"],
    quiet: values.quiet,
    strictTargets: values["strict-targets"],
  };
}
