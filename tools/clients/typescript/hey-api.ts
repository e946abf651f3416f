import { createClient } from "./generated/hey-api/client/index.js";
import { importServiceGetImport, importServiceImportEntries, importServiceListImports, importServiceWatchImport, referenceDataServiceListAccounts } from "./generated/hey-api/sdk.gen.js";
import type { WatchImportLine } from "./generated/hey-api/types.gen.js";
import { dossier, expect, id, lines, practice, rest, token, tomorrow } from "./told.js";

const at = (baseUrl: string) => createClient({ baseUrl, auth: token });
const client = at(rest);

const sent = await importServiceImportEntries({
  client, path: { practice, dossier }, headers: { "Idempotency-Key": `"${id}"` },
  body: {
    entries: [{
      journal: "ACH", date: "2026-03-15", reference: id, documentReference: id,
      lines: [
        { account: "60700000", label: "ACHAT EXEMPLE", debit: "100" },
        { account: "44566000", label: "TVA 20", debit: "20" },
        { account: "40100000", thirdParty: "FEXEMPLE", label: "FOURNISSEUR EXEMPLE", credit: "120", dueDate: "2026-04-14" },
      ],
    }],
  },
});
expect("import", sent.data?.importRecord?.requestId, id);

const listed = await importServiceListImports({ client, path: { practice, dossier }, query: { documentReference: id } });
expect("list", listed.data?.imports?.[0]?.requestId, id);

let state: string | undefined;
const path = { practice, dossier, request_id: id };
const watched = await importServiceWatchImport({ client, path, parseAs: "stream" });
for await (const line of lines(watched.data as unknown as ReadableStream<Uint8Array>)) state = (line as WatchImportLine).result?.importRecord?.state;
expect("watch", state, "IMPORT_STATE_SUCCEEDED");

async function reasonAt(baseUrl: string): Promise<string | undefined> {
  const { error } = await referenceDataServiceListAccounts({ client: at(baseUrl), path: { practice, dossier }, query: { filter: "number = 1 OR number = 2" } });
  return error?.details?.[0]?.reason;
}
expect("error", await reasonAt(rest), "FILTER_UNSUPPORTED");

const read = await importServiceGetImport({ client: at(tomorrow), path });
expect("state of tomorrow", read.data?.importRecord?.state, "IMPORT_STATE_OF_TOMORROW");
expect("reason of tomorrow", await reasonAt(tomorrow), "REASON_OF_TOMORROW");
