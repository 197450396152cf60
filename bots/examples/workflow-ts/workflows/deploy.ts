// Deploys what people allowed.
import { z } from "zod";
import { people } from "./people";

const Input = z.strictObject({ command: z.string().min(1) });

export async function deploy(command: string, seconds?: number): Promise<string> {
  "use workflow";
  // With the schema, sayso refuses an edit that does not fit while the person is still at it.
  const asked = { kind: "permission", tool: "Deploy", input: { command }, input_schema: z.toJSONSchema(Input) };
  const decision = await people("deploy", asked, seconds);
  if (decision.outcome !== "allowed") return decision.model_text;
  // The allowed input, never the one that was asked for: a person may have edited it. What runs is checked here, too.
  const allowed = Input.safeParse(decision.input);
  if (!allowed.success) return `not run: the allowed input does not fit: ${z.prettifyError(allowed.error)}`;
  return await run(allowed.data.command);
}

async function run(command: string): Promise<string> {
  "use step";
  console.log(`running ${command}`);
  return `ran ${command}`;
}
