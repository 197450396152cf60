// An agent as a process: makes the tool calls that its first argument names, and prints what the model would read.
// The rule: SIGTERM is the person at its terminal who ends the run.
import { people } from "../../bots/examples/anvia/sayso.ts";
import { type Call, PromptCancelledError, turn } from "./anvia.mts";

type Plan = { calls: Call[]; edits?: boolean; applied?: boolean; concurrency?: number; patience?: number };

const plan: Plan = JSON.parse(process.argv[2]);
const ended = new AbortController();
process.once("SIGTERM", () => ended.abort());

const { approvals, hook, middleware } = people({
  url: process.env.SAYSO_URL!,
  key: process.env.SAYSO_KEY!,
  signal: ended.signal,
  patience: plan.patience,
  edits: plan.edits,
  guards: (tool) => tool === "deploy",
});
const deploy = { execute: ({ command }: { command: string }) => `ran ${command}` };
const refund = { ...deploy, approval: { when: ({ args }: any) => args.amount > 100, reason: "more than **100**" } };
const tools = { deploy, refund: { ...refund, execute: ({ amount }: { amount: number }) => `refunded ${amount}` } };
const agent = { id: "support", tools, hook, approvals, middlewares: plan.applied ? [middleware] : [] };

try {
  const run = { concurrency: plan.concurrency, sessionId: "s-1", metadata: { tenant: "acme" } };
  await turn(agent, plan.calls, (result) => console.log(`result ${result}`), run);
  console.log("done");
} catch (error) {
  if (!(error instanceof PromptCancelledError)) throw error;
  console.log(`cancelled ${error.reason}`);
}
