// Anvia's tool calls, as its runtime makes them (0.26): hook, input middleware, approval, tool, result hook.
// The rule: only what the package was seen to do; it stands in for it where that cannot be installed.
import { randomUUID } from "node:crypto";

export class PromptCancelledError extends Error {
  constructor(readonly reason: string) {
    super(`Prompt cancelled: ${reason}`);
  }
}

export type Call = { name: string; arguments: unknown };
export type Agent = { id: string; tools: Record<string, any>; hook?: any; approvals?: any; middlewares?: any[] };
export type Run = { concurrency?: number; sessionId?: string; metadata?: Record<string, unknown> };

const runControl = {
  continue: () => ({ type: "continue" }),
  cancel: (reason: string) => ({ type: "terminate", reason }),
};
const toolControl = {
  run: () => ({ type: "continue" }),
  skip: (reason: string) => ({ type: "skip", reason }),
  cancel: (reason: string) => ({ type: "terminate", reason }),
  requestApproval: (options = {}) => ({ type: "approval_request", ...options }),
};

/** All tool calls of one turn; calls `told` with each result as the model reads it. */
export async function turn(agent: Agent, calls: Call[], told: (result: string) => void, run: Run = {}): Promise<void> {
  const { concurrency = 1, ...rest } = run;
  const context = { agentId: agent.id, runId: randomUUID(), ...rest };
  const waiting = [...calls];
  const work = async () => {
    for (let call = waiting.shift(); call; call = waiting.shift()) told(await execute(agent, call, context));
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

async function execute(agent: Agent, call: Call, run: any): Promise<string> {
  const known = { toolName: call.name, toolCallId: `call_${call.name}`, internalCallId: randomUUID() };
  let args = JSON.stringify(call.arguments ?? {});
  const action = await agent.hook?.onToolCall?.({ ...known, args, tool: toolControl });
  if (action?.type === "terminate") throw new PromptCancelledError(action.reason);
  let result: string;
  if (action?.type === "skip") result = action.reason;
  else {
    for (const one of agent.middlewares ?? []) {
      const changed = await one.onToolInput?.({ ...known, args, originalArgs: args, turn: 1 });
      const put = changed?.args;
      if (put !== undefined) args = typeof put === "string" ? put : JSON.stringify(put);
    }
    const refused = await approval(agent, { ...known, args: JSON.parse(args), rawArgs: args, run }, action);
    result = refused ?? (await agent.tools[call.name].execute(JSON.parse(args)));
  }
  const after = await agent.hook?.onToolResult?.({ ...known, args, result, run: runControl });
  if (after?.type === "terminate") throw new PromptCancelledError(after.reason);
  return result;
}

/** The text that stands in the place of a result where the call is rejected. */
async function approval(agent: Agent, context: any, action: any): Promise<string | undefined> {
  const policy = agent.tools[context.toolName].approval;
  let asked = action;
  if (action?.type !== "approval_request") {
    if (policy === undefined || !(await policy.when(context))) return undefined;
    asked = { reason: policy.reason, rejectMessage: policy.rejectMessage };
  }
  const request = { ...context, reason: asked.reason, rejectMessage: asked.rejectMessage };
  if (agent.approvals === undefined) throw new Error(`Tool approval required for ${context.toolName}`);
  const given = await agent.approvals.handler(request);
  const decision = typeof given === "boolean" ? { approved: given } : given;
  if (decision.approved) return undefined;
  return decision.rejectMessage ?? decision.reason ?? request.rejectMessage ?? "Tool approval was rejected.";
}
