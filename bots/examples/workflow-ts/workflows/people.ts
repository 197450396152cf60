// Asks people from inside a workflow, which waits in its event log: no process, no timer of ours.
// The rule: a run goes on with a decision of sayso, or it ends; silence is never consent.
import { defineHook, FatalError, getWorkflowMetadata, sleep } from "workflow";
import { z } from "zod";
import { sayso } from "../sayso";

const decision = z.object({
  outcome: z.enum(["allowed", "denied", "answered", "expired", "cancelled", "superseded", "undeliverable"]),
  input: z.record(z.string(), z.any()).nullish(),
  reason: z.string().nullish(),
  text: z.string().nullish(),
  choices: z.array(z.string()).nullish(),
  values: z.record(z.string(), z.any()).nullish(),
  stop: z.boolean().default(false),
  by: z.array(z.object({ person: z.string() })),
  model_text: z.string(),
});
export type Decision = z.infer<typeof decision>;
export const decided = defineHook<z.input<typeof decision>, Decision>({ schema: decision });

export const requestId = (runId: string, name: string) => `${runId}:${name}`;

/** Asks what `POST /v1/requests` takes, and waits `seconds` at most. In one run each `name` is for one question. */
export async function people(name: string, request: Record<string, unknown>, seconds = 3600): Promise<Decision> {
  const id = requestId(getWorkflowMetadata().workflowRunId, name);
  // In a block of its own: once there is an answer the token is free, and a repeated callback finds no hook.
  {
    using hook = decided.create({ token: id, metadata: { name } });
    // A hook is registered when the run first waits for it; an answer must not come before that.
    if (await hook.getConflict()) throw new FatalError(`${id} is asked already`);
    const known = await ask({ ...request, id, expires_in: seconds });
    const told = known ?? (await Promise.race([hook, sleep(seconds * 1000)]));
    if (told) return await used(id, told);
  }
  return await used(id, await withdraw(id));
}

/** An allow is good for one run. The attempt makes a repeated step the same use; the run fails if it comes too late. */
async function used(id: string, told: Decision): Promise<Decision> {
  "use step";
  if (told.outcome === "allowed") await sayso(`/v1/requests/${id}/use`, { attempt: id });
  return told;
}
used.maxRetries = 100;

async function ask(request: Record<string, unknown>): Promise<Decision | undefined> {
  "use step";
  // The id makes a repeated step find the same request, which may have been decided meanwhile.
  const callback_url = new URL("/api/sayso/callback", process.env.APP_URL).href;
  const ticket = await sayso("/v1/requests", { ...request, callback_url });
  return ticket.decision ? decision.parse(ticket.decision) : undefined;
}
ask.maxRetries = 100;

async function withdraw(id: string): Promise<Decision> {
  "use step";
  // What was decided in the last moment stays decided: this answers with it.
  const ticket = await sayso(`/v1/requests/${id}/cancel`, { reason: "the workflow waited no longer" });
  return decision.parse(ticket.decision);
}
withdraw.maxRetries = 100;
