// Deploys what people allowed.
import { people } from "./people";

export async function deploy(command: string, seconds?: number): Promise<string> {
  "use workflow";
  const decision = await people("deploy", { kind: "permission", tool: "Deploy", input: { command } }, seconds);
  if (decision.outcome !== "allowed" || !decision.input) return decision.model_text;
  // The allowed input, never the one that was asked for: a person may have edited it.
  return await run(decision.input.command);
}

async function run(command: string): Promise<string> {
  "use step";
  console.log(`running ${command}`);
  return `ran ${command}`;
}
