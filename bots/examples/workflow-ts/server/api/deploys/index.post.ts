// Starts a deployment.
import { defineHandler } from "nitro/h3";
import { start } from "workflow/api";
import { deploy } from "../../../workflows/deploy";

export default defineHandler(async ({ req }) => {
  const { command, seconds } = (await req.json()) as { command: string; seconds?: number };
  const run = await start(deploy, [command, seconds]);
  return { id: run.runId };
});
