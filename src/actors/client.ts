/** The actors as the rest of the Worker sees them: one address per job, a fresh stub for every call. */

import type { JobActors } from "../app/ports.ts";
import type { JobActorProtocol, JobMethod, SharedActorProtocol } from "../domain/engine/protocol.ts";
import { isShared, jobKey, objectOf } from "../domain/ids.ts";
import type { JobActor } from "./job/JobActor.ts";

export function createJobActors(namespace: DurableObjectNamespace<JobActor>): JobActors {
  return {
    of: (id) => {
      const key = jobKey(id);
      // A stub has the methods of the protocols; its type wraps every answer in RPC types that plain data does not need.
      const stub = namespace.getByName(objectOf(key)) as unknown as JobActorProtocol & SharedActorProtocol;
      return isShared(key) ? jobIn(stub, key) : stub;
    },
  };
}

/** One job of an object that several share. */
export function jobIn(actor: SharedActorProtocol, key: string): JobActorProtocol {
  const via =
    <Method extends JobMethod>(method: Method) =>
    (...given: Parameters<JobActorProtocol[Method]>) =>
      actor.ask(key, method, given);
  return {
    apply: via("apply"),
    trigger: via("trigger"),
    triggerMany: via("triggerMany"),
    reschedule: via("reschedule"),
    forgetDedupe: via("forgetDedupe"),
    load: via("load"),
    countEarlier: via("countEarlier"),
    claim: via("claim"),
    finish: via("finish"),
    cancel: via("cancel"),
    describe: via("describe"),
    owed: via("owed"),
    confirm: via("confirm"),
    restart: via("restart"),
    signal: via("signal"),
    decide: via("decide"),
    approval: via("approval"),
    errands: via("errands"),
    errandDone: via("errandDone"),
    cancelChild: via("cancelChild"),
    childEnded: via("childEnded"),
    erase: via("erase"),
  };
}
