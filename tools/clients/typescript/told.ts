// What each client is told, and what it says.
export const rest = required("LOOP_REST"), tomorrow = required("LOOP_TOMORROW"), id = required("LOOP_ID");
export const token = "clients", practice = "demo", dossier = "CEGID001";

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is missing`);
  return value;
}

export function expect(step: string, got: unknown, want: unknown): void {
  if (got !== want) throw new Error(`${step}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}`);
  console.log(`ok ${step}`);
}

// The states of a stream of lines, the last one first.
export async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
    const parts = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = parts.pop()!;
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}
