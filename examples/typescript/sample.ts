// What a program does with the service: node built/sample.js grpc|rest pages|stream|import ID|watch ID|error|deadline.
import { readFileSync } from "node:fs";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, type EntrySchema, ImportState, LoopError, restClient } from "loop-gateway";
import { grpcClient } from "loop-gateway/node";
import { Agent, fetch as fetchBy } from "undici";

const env = process.env;
const practice = env.LOOP_PRACTICE ?? "demo";
const dossier = env.LOOP_DOSSIER ?? "CEGID001";

/** Connects as the environment says: without TLS to the sandbox, or with a private authority. */
function connect(by: string): Client {
  const { LOOP_TOKEN: token, LOOP_AUTHORITY: authority, LOOP_CERTIFICATE: chain, LOOP_KEY: key } = env;
  if (by === "grpc") {
    const certificate = chain && key ? { chain, key } : undefined;
    return grpcClient(env.LOOP_ADDRESS ?? "localhost:9090", { plaintext: !authority, authority, token, certificate });
  }
  if (!authority) return restClient(env.LOOP_URL ?? "http://localhost:8080", { token });
  // Only Node.js can be given a private authority or a certificate; a browser asks its user.
  const [ca, cert, secret] = [authority, chain, key].map((file) => file && readFileSync(file));
  const dispatcher = new Agent({ connect: { ca, cert, key: secret } });
  const fetch = ((url: string, init: object) => fetchBy(url, { ...init, dispatcher })) as unknown as typeof globalThis.fetch;
  return restClient(env.LOOP_URL ?? "https://localhost:8080", { token, fetch });
}

/** The entry of a purchase invoice. */
function invoice(number: string, total = "120.00"): MessageInitShape<typeof EntrySchema> {
  return {
    journal: "ACH",
    date: "2026-03-15",
    reference: number,
    documentReference: number,
    lines: [
      { account: "60700000", label: "Achat", side: { case: "debit", value: "100.00" } },
      { account: "44566000", label: "TVA 20 %", side: { case: "debit", value: "20.00" } },
      { account: "40100000", thirdParty: "FEXEMPLE", label: "Fournisseur", side: { case: "credit", value: total } },
    ],
  };
}

/** Lists accounts, twenty in a page; the iterable asks for the next page when it needs it. */
async function pages(loop: Client): Promise<void> {
  const numbers: string[] = [];
  for await (const account of loop.referenceData.listAccounts({ practice, dossier, pageSize: 20 })) numbers.push(account.number);
  console.log(`pages: ${numbers.length} accounts, ${numbers[0] ?? ""} to ${numbers.at(-1) ?? ""}`);
}

/** Streams all accounts. A stream that was cut has no place to go on from: begin anew. */
async function stream(loop: Client): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    let count = 0;
    try {
      for await (const account of loop.referenceData.streamAccounts({ practice, dossier })) count += account.number ? 1 : 0;
    } catch (error) {
      if (!(error instanceof LoopError) || !error.repeatable || attempt === 5) throw error;
      console.log("stream: cut, begun anew");
      continue;
    }
    console.log(`stream: ${count} accounts`);
    return;
  }
}

/** Imports an invoice; its number is the id, so that it is booked once, however often this runs. */
async function send(loop: Client, requestId: string): Promise<void> {
  const request = { practice, dossier, requestId, entries: [invoice(requestId)] };
  const answer = await loop.imports.importEntries(request, { timeoutMs: 60_000 });
  console.log(`import ${requestId}: ${answer.replayed ? "replayed" : "sent"}`);
  let last = ImportState.UNSPECIFIED;
  for await (const { state } of loop.imports.watchImport({ practice, dossier, requestId })) last = state;
  console.log(`import ${requestId}: ${ImportState[last]}`);
  if ((await loop.imports.importEntries(request)).replayed) console.log(`import ${requestId}: replayed`);
}

/** Imports an invoice and follows it, through restarts of the service. */
async function watch(loop: Client, requestId: string): Promise<void> {
  await loop.imports.importEntries({ practice, dossier, requestId, entries: [invoice(requestId)] });
  for await (const { state } of loop.imports.watchImport({ practice, dossier, requestId }))
    console.log(`watch ${requestId}: ${ImportState[state]}`);
}

/** Reads an error: a reason for the program, a sentence for the accountant, and what to do. */
async function mistake(loop: Client): Promise<void> {
  try {
    await loop.imports.importEntries({ practice, dossier, requestId: "FA-6", entries: [invoice("FA-6", "119.00")] });
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    if (error.reason === "ENTRY_UNBALANCED") console.log(`error: ${error.reason}`);
    for (const { field, messageFr } of error.violations) console.log(`error: at ${field}\nerror: ${messageFr}`);
    console.log(error.repeatable ? "error: repeat it" : "error: correct it");
  }
}

/** Waits one second and no longer. */
async function deadline(loop: Client): Promise<void> {
  try {
    for await (const journal of loop.referenceData.listJournals({ practice, dossier }, { timeoutMs: 1000 })) console.log(journal.code);
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    console.log(`deadline: ${Code[error.code]}`);
  }
}

const commands: Record<string, (loop: Client, id: string) => Promise<void>> = {
  pages,
  stream,
  import: send,
  watch,
  error: mistake,
  deadline,
};
const [by = "grpc", command = "pages", id = ""] = process.argv.slice(2);
const run = commands[command];
if (!run) throw new Error(`say one of: ${Object.keys(commands).join(", ")}; import and watch take an id`);
const loop = connect(by);
try {
  await run(loop, id);
} finally {
  loop.close();
}
