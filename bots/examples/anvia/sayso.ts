// Lets people decide what an Anvia agent does.
// The rule: a tool runs only with the input that somebody allowed; the model reads why it did not.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { PromptHook } from "@anvia/core/hooks";
import type { AgentMiddleware, ToolApprovalDecision, ToolApprovalRequest } from "@anvia/core/tool";
import { ask, type Decision, type Service } from "./ask.ts";
import { answers, prompts, request } from "./questions.ts";

export type Options = Service & {
  /** Which calls are asked about, besides those of tools with an `approval` of their own. */
  guards?: (tool: string) => boolean;
  /** Whether people may change the input of those; needs `middleware`, as the agent's last one. */
  edits?: boolean;
  /** Further keys of each request: `policy`, `route`, `expires_in`, `risk` … */
  common?: Record<string, unknown>;
};

export function people({ guards = () => false, edits = false, common = {}, ...service }: Options) {
  const [allowed, stops] = [new Map<string, Decision>(), new Map<string, string>()];

  /** The same call is the same request, so a repeated HTTP call finds it. */
  const put = (call: string, asked: { kind: string } & Record<string, unknown>) =>
    ask({ ...asked, ...common, id: `anvia:${createHash("sha256").update(call).digest("hex")}` }, service);
  const may = (tool: string, input: unknown) => ({ kind: "permission", tool, input, verdicts: ["respond", "stop"] });

  async function handler(asked: ToolApprovalRequest): Promise<ToolApprovalDecision> {
    const { toolName, toolCallId, internalCallId: call, run } = asked;
    const input = JSON.parse(asked.rawArgs || "{}");
    const source = { agent: run.agentId, session: run.sessionId ?? run.runId };
    const more = { body: asked.reason, source, metadata: { ...run, toolCallId }, editable: false };
    const decision = allowed.get(call) ?? (await put(`${run.runId} ${call}`, { ...may(toolName, input), ...more }));
    if (decision.stop) stops.set(call, decision.model_text);
    if (decision.outcome !== "allowed") return { approved: false, rejectMessage: decision.text ?? decision.model_text };
    if (isDeepStrictEqual(decision.input, input)) return { approved: true, reason: decision.model_text };
    return { approved: false, rejectMessage: "This was not run: its input is not the one that was allowed." };
  }

  const hook: PromptHook = {
    async onToolCall({ toolName, args, internalCallId: call, tool }) {
      const question = toolName === "ask_question" ? prompts(JSON.parse(args || "{}")) : undefined;
      if (!question && !guards(toolName)) return undefined;
      if (!question && !edits) return tool.requestApproval();
      const decision = await put(call, question ? request(question) : may(toolName, JSON.parse(args || "{}")));
      if (decision.stop) return tool.cancel(decision.model_text);
      if (question && decision.outcome === "answered") return tool.skip(answers(question, decision));
      if (decision.outcome !== "allowed") return tool.skip(decision.text ?? decision.model_text);
      allowed.set(call, decision);
      return tool.requestApproval();
    },
    onToolResult({ internalCallId: call, run }) {
      const reason = stops.get(call);
      [allowed, stops].forEach((kept) => kept.delete(call));
      return reason === undefined ? undefined : run.cancel(reason);
    },
  };

  const middleware: AgentMiddleware = {
    onToolInput({ internalCallId: call }) {
      return allowed.has(call) ? { args: JSON.stringify(allowed.get(call)?.input) } : undefined;
    },
  };

  return { approvals: { handler }, hook, middleware };
}
