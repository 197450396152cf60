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
  /** Further keys of each request: `policy`, `route`, `expires_in`, `risk` … */
  common?: Record<string, unknown>;
};

export function people({ guards = () => false, common = {}, ...service }: Options) {
  const [guarded, decisions, stops] = [new Set<string>(), new Map<string, Decision>(), new Map<string, string>()];

  /** The same call is the same request, so a repeated HTTP call finds it. */
  const put = (call: string, asked: { kind: string } & Record<string, unknown>) =>
    ask({ ...asked, ...common, id: `anvia:${createHash("sha256").update(call).digest("hex")}` }, service);
  const may = (tool: string, input: unknown) => ({ kind: "permission", tool, input, verdicts: ["respond", "stop"] });

  async function handler(asked: ToolApprovalRequest): Promise<ToolApprovalDecision> {
    const { toolName, toolCallId, internalCallId: call, run } = asked;
    const input = JSON.parse(asked.rawArgs || "{}");
    const source = { agent: run.agentId, session: run.sessionId ?? run.runId };
    const more = { body: asked.reason, source, metadata: { ...run, toolCallId }, editable: false };
    const decision = decisions.get(call) ?? (await put(`${run.runId} ${call}`, { ...may(toolName, input), ...more }));
    if (decision.stop) stops.set(call, decision.model_text);
    if (decision.outcome !== "allowed") return { approved: false, rejectMessage: decision.text ?? decision.model_text };
    if (isDeepStrictEqual(decision.input, input)) return { approved: true, reason: decision.model_text };
    return { approved: false, rejectMessage: "This was not run: its input is not the one that was allowed." };
  }

  const hook: PromptHook = {
    async onToolCall({ toolName, args, internalCallId, tool }) {
      if (toolName !== "ask_question") {
        if (!guards(toolName)) return undefined;
        guarded.add(internalCallId);
        return tool.requestApproval();
      }
      const asked = prompts(JSON.parse(args || "{}"));
      const decision = await put(internalCallId, { ...request(asked), verdicts: ["deny", "stop"] });
      if (decision.stop) return tool.cancel(decision.model_text);
      const answered = decision.outcome === "answered";
      return tool.skip(answered ? JSON.stringify({ answers: answers(asked, decision) }) : decision.model_text);
    },
    onToolResult({ internalCallId, run }) {
      const reason = stops.get(internalCallId);
      [guarded, decisions, stops].forEach((kept) => kept.delete(internalCallId));
      return reason === undefined ? undefined : run.cancel(reason);
    },
  };

  /** Optional, and the last one: asks before `approvals` does, where an edited input can still take effect. */
  const middleware: AgentMiddleware = {
    async onToolInput({ toolName, args, internalCallId }) {
      if (!guarded.has(internalCallId)) return undefined;
      const decision = await put(internalCallId, may(toolName, JSON.parse(args || "{}")));
      decisions.set(internalCallId, decision);
      return decision.outcome === "allowed" ? { args: decision.input as any } : undefined;
    },
  };

  return { approvals: { handler }, hook, middleware };
}
