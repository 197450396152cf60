// Ends a deployment that waits, and withdraws its question: a cancelled run runs no more code of its own.
import { defineHandler } from "nitro/h3";
import { getRun } from "workflow/api";
import { sayso } from "../../../sayso";
import { requestId } from "../../../workflows/people";

export default defineHandler(async ({ context }) => {
  const id = context.params!.id;
  await getRun(id).cancel();
  await sayso(`/v1/requests/${requestId(id, "deploy")}/cancel`, { reason: "the deployment was cancelled" });
  return { cancelled: true };
});
