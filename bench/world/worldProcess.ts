/**
 * The outside world in a process of its own: the target that jobs call, and whoever submits runs at full speed. One
 * process for both, because the load is a closed loop from a submission to the arrival that it causes.
 */

import { createLoad } from "./load.ts";
import type { Load } from "./load.ts";
import type { FromWorld, LoadOutcome, LoadPlan, ToWorld } from "./methods.ts";
import { startTarget } from "./target.ts";

let load: Load | null = null;

const target = await startTarget((arrival) => {
  load?.arrived();
  if (arrival !== null) tell({ type: "arrival", arrival });
});

// Whatever ends the measurement ends this.
process.on("disconnect", () => process.exit());
process.on("message", (message: ToWorld) => {
  answer(message).then(
    (result) => tell({ type: "answer", id: message.id, result }),
    (error: unknown) => tell({ type: "failed", id: message.id, problem: String(error) }),
  );
});
tell({ type: "ready", url: target.url });

async function answer(message: ToWorld): Promise<unknown> {
  switch (message.method) {
    case "forget":
      return target.forget(...message.params);
    case "count":
      return target.count();
    case "arrivals":
      return target.arrivals();
    case "load":
      return runLoad(...message.params);
  }
}

async function runLoad(plan: LoadPlan): Promise<LoadOutcome> {
  load = createLoad(plan);
  try {
    return await load.run();
  } finally {
    load = null;
  }
}

function tell(message: FromWorld): void {
  process.send?.(message);
}
