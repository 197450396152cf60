// Anvia's `ask_question`: what a model asks as a request, what people chose as the answers that Anvia Studio gives.
import type { Decision } from "./ask.ts";

type Choice = { label: string; value: string };
type Prompt = { id: string; question: string; choices: Choice[] };
type Answer = { questionId: string; answer: string; choice?: string; custom?: boolean };

/** The arguments of `ask_question`, read as Studio reads them; what is missing there, sayso refuses in words. */
export function prompts(args: any): Prompt[] {
  const asked: any[] = Array.isArray(args?.questions) ? args.questions : [args];
  return asked.map((one, index) => ({
    id: one?.id || `question_${index + 1}`,
    question: one?.question,
    choices: Array.isArray(one?.choices) ? one.choices.map(choice) : [],
  }));
}

function choice(given: any): Choice {
  const label = typeof given === "string" ? given : given?.label;
  return { label, value: given?.value || label };
}

/** One question has a button for each choice; several make a form. People may always write something else. */
export function request(asked: Prompt[]): { kind: string } & Record<string, unknown> {
  const [first] = asked;
  const offered = ({ choices }: Prompt) => ({ options: choices.map(({ label }) => ({ label })), other: true });
  const common = { verdicts: ["deny", "stop"] };
  if (asked.length === 1) return { ...common, kind: "choice", title: first.question, ...offered(first) };
  const named = ({ question: label }: Prompt, index: number) => ({ name: `q${index}`, label, kind: "choice" });
  const fields = asked.map((one, index) => ({ ...named(one, index), ...offered(one) }));
  return { ...common, kind: "form", title: `${asked.length} questions`, fields };
}

/** The tool's result, as Studio writes it. */
export function answers(asked: Prompt[], decision: Decision): string {
  const given = asked.map(({ id, choices }, index): Answer => {
    const said = String(decision.choices?.[0] ?? decision.values?.[`q${index}`]);
    const chosen = choices.find(({ label }) => label === said)?.value;
    return { questionId: id, answer: chosen ?? said, ...(chosen ? { choice: chosen } : { custom: true }) };
  });
  return JSON.stringify({ answers: given });
}
