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
  const field = ({ choices }: Prompt) => ({ kind: "choice", options: choices.map(({ label }) => ({ label })), other: true });
  const [first] = asked;
  if (asked.length === 1) return { title: first.question, ...field(first) };
  const fields = asked.map((one, index) => ({ name: `q${index}`, label: one.question, ...field(one) }));
  return { kind: "form", title: `${asked.length} questions`, fields };
}

export function answers(asked: Prompt[], decision: Decision): Answer[] {
  return asked.map(({ id, choices }, index) => {
    const said = String(decision.choices?.[0] ?? decision.values?.[`q${index}`]);
    const chosen = choices.find(({ label }) => label === said)?.value;
    return { questionId: id, answer: chosen ?? said, ...(chosen ? { choice: chosen } : { custom: true }) };
  });
}
