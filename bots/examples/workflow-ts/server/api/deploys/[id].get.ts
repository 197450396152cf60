// How a deployment stands.
import { defineHandler } from "nitro/h3";
import { getRun } from "workflow/api";

export default defineHandler(async ({ context }) => {
  const run = getRun(context.params!.id);
  const status = await run.status;
  return { status, result: status === "completed" ? await run.returnValue : null };
});
