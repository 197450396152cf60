// One call of sayso's HTTP API.
// The rule: what may be better the next time is a RetryableError, everything else is final and says why.
import { FatalError, RetryableError } from "workflow";

export async function sayso(path: string, body: unknown): Promise<any> {
  let response: Response;
  try {
    response = await fetch(new URL(path, process.env.SAYSO_URL), {
      method: "POST",
      headers: { authorization: `Bearer ${process.env.SAYSO_KEY}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
  } catch (error) {
    throw new RetryableError(`sayso is not there: ${error}`, { retryAfter: "3s" });
  }
  if (response.status >= 500) throw new RetryableError(`sayso answers ${response.status}`, { retryAfter: "3s" });
  const said = await response.json();
  if (!response.ok) throw new FatalError(`sayso refused: ${said.error.message}`);
  return said;
}
