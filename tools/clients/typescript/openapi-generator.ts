import { Configuration, ImportServiceApi, ReferenceDataServiceApi, ResponseError } from "./generated/openapi-generator/index.js";
import { StatusFromJSON, WatchImportLineFromJSON } from "./generated/openapi-generator/models/index.js";
import { dossier, expect, id, lines, practice, rest, token, tomorrow } from "./told.js";

const configuration = (basePath: string) => new Configuration({ basePath, accessToken: token });
const imports = new ImportServiceApi(configuration(rest));

const sent = await imports.importServiceImportEntries({
  practice, dossier, idempotencyKey: `"${id}"`,
  importEntriesBody: {
    entries: [{
      journal: "ACH", date: new Date("2026-03-15"), reference: id, documentReference: id,
      lines: [
        { account: "60700000", label: "ACHAT EXEMPLE", debit: "100" },
        { account: "44566000", label: "TVA 20", debit: "20" },
        { account: "40100000", thirdParty: "FEXEMPLE", label: "FOURNISSEUR EXEMPLE", credit: "120", dueDate: new Date("2026-04-14") },
      ],
    }],
  },
});
expect("import", sent.importRecord?.requestId, id);

const listed = await imports.importServiceListImports({ practice, dossier, documentReference: id });
expect("list", listed.imports?.[0]?.requestId, id);

let state: string | undefined;
const watched = await imports.importServiceWatchImportRaw({ practice, dossier, requestId: id });
for await (const line of lines(watched.raw.body!)) state = WatchImportLineFromJSON(line).result?.importRecord?.state;
expect("watch", state, "IMPORT_STATE_SUCCEEDED");

async function reasonAt(basePath: string): Promise<string | undefined> {
  try {
    await new ReferenceDataServiceApi(configuration(basePath)).referenceDataServiceListAccounts({ practice, dossier, filter: "number = 1 OR number = 2" });
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    return StatusFromJSON(await error.response.json()).details?.[0]?.reason;
  }
  return undefined;
}
expect("error", await reasonAt(rest), "FILTER_UNSUPPORTED");

const read = await new ImportServiceApi(configuration(tomorrow)).importServiceGetImport({ practice, dossier, requestId: id });
expect("state of tomorrow", read.importRecord?.state, "IMPORT_STATE_OF_TOMORROW");
expect("reason of tomorrow", await reasonAt(tomorrow), "REASON_OF_TOMORROW");
