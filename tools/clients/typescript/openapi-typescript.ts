import createClient from "openapi-fetch";
import type { components, paths } from "./generated/openapi-typescript.js";
import { dossier, expect, id, lines, practice, rest, token, tomorrow } from "./told.js";

const at = (baseUrl: string) => createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const client = at(rest);

const sent = await client.POST("/v1/practices/{practice}/dossiers/{dossier}/imports", {
  params: { path: { practice, dossier }, header: { "Idempotency-Key": `"${id}"` } },
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

const listed = await client.GET("/v1/practices/{practice}/dossiers/{dossier}/imports", { params: { path: { practice, dossier }, query: { documentReference: id } } });
expect("list", listed.data?.imports?.[0]?.requestId, id);

let state: string | undefined;
const path = { practice, dossier, request_id: id };
const watched = await client.GET("/v1/practices/{practice}/dossiers/{dossier}/imports/{request_id}:watch", { params: { path }, parseAs: "stream" });
for await (const line of lines(watched.data!)) state = (line as components["schemas"]["WatchImportLine"]).result?.importRecord?.state;
expect("watch", state, "IMPORT_STATE_SUCCEEDED");

async function reasonAt(baseUrl: string): Promise<string | undefined> {
  const query = { filter: "number = 1 OR number = 2" };
  const { error } = await at(baseUrl).GET("/v1/practices/{practice}/dossiers/{dossier}/accounts", { params: { path: { practice, dossier }, query } });
  return error?.details?.[0]?.reason;
}
expect("error", await reasonAt(rest), "FILTER_UNSUPPORTED");

const read = await at(tomorrow).GET("/v1/practices/{practice}/dossiers/{dossier}/imports/{request_id}", { params: { path } });
expect("state of tomorrow", read.data?.importRecord?.state, "IMPORT_STATE_OF_TOMORROW");
expect("reason of tomorrow", await reasonAt(tomorrow), "REASON_OF_TOMORROW");
