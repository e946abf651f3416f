from datetime import date

from openapi_client import ApiClient, Configuration, Entry, EntryLine, ImportEntriesBody, ImportServiceApi, ReferenceDataServiceApi, Status, WatchImportLine
from openapi_client.exceptions import ApiException
from told import DOSSIER, ID, PRACTICE, REST, TOKEN, TOMORROW, expect


def at(host: str) -> ApiClient:
    return ApiClient(Configuration(host=host, access_token=TOKEN))


imports = ImportServiceApi(at(REST))
body = ImportEntriesBody(
    entries=[
        Entry(
            journal="ACH", var_date=date(2026, 3, 15), reference=ID, document_reference=ID,
            lines=[
                EntryLine(account="60700000", label="ACHAT EXEMPLE", debit="100"),
                EntryLine(account="44566000", label="TVA 20", debit="20"),
                EntryLine(account="40100000", third_party="FEXEMPLE", label="FOURNISSEUR EXEMPLE", credit="120", due_date=date(2026, 4, 14)),
            ],
        )
    ]
)
sent = imports.import_service_import_entries(PRACTICE, DOSSIER, body, idempotency_key=f'"{ID}"').import_record
expect("import", sent and sent.request_id, ID)

listed = imports.import_service_list_imports(PRACTICE, DOSSIER, document_reference=ID).imports or []
expect("list", listed[0].request_id, ID)

state = None
watched = imports.import_service_watch_import_without_preload_content(PRACTICE, DOSSIER, ID)
for text in watched.read().decode().splitlines():
    line = WatchImportLine.from_json(text)
    if line and line.result and line.result.import_record:
        state = line.result.import_record.state
expect("watch", state, "IMPORT_STATE_SUCCEEDED")


def reason_at(host: str) -> str | None:
    try:
        ReferenceDataServiceApi(at(host)).reference_data_service_list_accounts(PRACTICE, DOSSIER, filter="number = 1 OR number = 2")
    except ApiException as error:
        assert isinstance(error.data, Status) and error.data.details
        return error.data.details[0].reason
    return None


expect("error", reason_at(REST), "FILTER_UNSUPPORTED")

read = ImportServiceApi(at(TOMORROW)).import_service_get_import(PRACTICE, DOSSIER, ID).import_record
expect("state of tomorrow", read and read.state, "IMPORT_STATE_OF_TOMORROW")
expect("reason of tomorrow", reason_at(TOMORROW), "REASON_OF_TOMORROW")
