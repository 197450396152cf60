// Where sayso brings decisions.
import { defineHandler, HTTPError } from "nitro/h3";
import { Webhook } from "standardwebhooks";
import { HookNotFoundError } from "workflow/errors";
import { decided } from "../../../workflows/people";

export default defineHandler(async ({ req }) => {
  const told = verified(await req.text(), Object.fromEntries(req.headers));
  try {
    // The request's id is the token. Were it in the metadata, one request's decision could name another's hook.
    await decided.resume(told.data.id, told.data.decision);
    return { resumed: true };
  } catch (error) {
    // Nobody waits there any more: told before, timed out, or cancelled. 2xx, or it would be brought again for days.
    if (HookNotFoundError.is(error)) return { resumed: false };
    throw error; // 500: sayso comes again
  }
});

function verified(body: string, headers: Record<string, string>): any {
  try {
    return new Webhook(process.env.CALLBACK_SECRET ?? "").verify(body, headers);
  } catch (error) {
    throw new HTTPError({ status: 401, message: `not from sayso: ${error}` });
  }
}
