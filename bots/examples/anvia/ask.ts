// Asks people through sayso from any TypeScript program; needs nothing but Node 20.
// The rule: it answers with what was decided, or with something that allows nothing and says why. It never throws.
// An allow is used before it is handed out: it is good for one run, so run it at once.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

export type Service = {
  url: string;
  /** Of an agent: `sayso keys add NAME --role agent`. */
  key: string;
  /** Once it is aborted nobody waits any more, and what is still open is withdrawn. */
  signal?: AbortSignal;
  /** Milliseconds for which sayso may be out of reach. */
  patience?: number;
};

export type Decision = {
  outcome: "allowed" | "denied" | "answered" | "expired" | "cancelled" | "superseded" | "undeliverable";
  input?: Record<string, unknown> | null;
  reason?: string | null;
  text?: string | null;
  choices?: string[] | null;
  values?: Record<string, unknown> | null;
  stop?: boolean;
  model_text: string;
};

/** What `POST /v1/requests` takes. With the same id it is the same request, however often it is sent. */
export type Request = { id: string; kind: string } & Record<string, unknown>;

class Refused extends Error {}

export async function ask(request: Request, service: Service): Promise<Decision> {
  let [path, body, lost]: [string, unknown, number] = ["/v1/requests", request, 0];
  let allowed: Decision | undefined;
  const attempt = randomUUID(); // a call that was cut off and is repeated is the same use
  for (;;) {
    try {
      const { decision } = await call(service, path, body, service.signal);
      if (allowed) return allowed;
      if (decision && decision.outcome !== "allowed") return decision;
      allowed = decision ?? undefined;
      const next = allowed ? "/use" : "?wait=50";
      [path, body, lost] = [`/v1/requests/${request.id}${next}`, allowed && { attempt }, 0];
    } catch (error) {
      if (service.signal?.aborted) {
        await withdraw(request.id, service);
        return nothing("The run was cancelled before anybody decided. Do not go ahead.", true);
      }
      if (error instanceof Refused && allowed) return nothing(`It was not run: ${error.message}. Do not go ahead.`);
      if (error instanceof Refused) return nothing(`Nobody could be asked: ${error.message}. Do not go ahead.`);
      lost ||= Date.now();
      if (Date.now() - lost > (service.patience ?? 60_000)) {
        const last = await withdraw(request.id, service);
        if (last && last.outcome !== "allowed") return last;
        return nothing("Nobody could be asked: sayso is not there. Do not go ahead.");
      }
      await pause(500, undefined, { signal: service.signal }).catch(() => {});
    }
  }
}

async function withdraw(id: string, service: Service): Promise<Decision | undefined> {
  const cancel = call(service, `/v1/requests/${id}/cancel`, { reason: "the agent waits no longer" });
  return (await cancel.catch(() => undefined))?.decision;
}

async function call({ url, key }: Service, path: string, body?: unknown, signal?: AbortSignal): Promise<any> {
  const limit = AbortSignal.timeout(body ? 10_000 : 60_000);
  const response = await fetch(new URL(path, url), {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  });
  if (response.status >= 500) throw new Error(`${response.status}`);
  const said = (await response.json()) as any;
  if (!response.ok) throw new Refused(said.error?.message ?? `${response.status}`);
  return said;
}

function nothing(model_text: string, stop = false): Decision {
  return { outcome: "cancelled", stop, model_text };
}
