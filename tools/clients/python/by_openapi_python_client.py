import datetime
import io
import json

from loop_client.api.document_service import document_service_store_document
from loop_client.api.import_service import import_service_get_import, import_service_import_entries, import_service_list_imports, import_service_watch_import
from loop_client.api.reference_data_service import reference_data_service_list_accounts
from loop_client.client import AuthenticatedClient
from loop_client.models import Entry, EntryLine, GetImportResponse, ImportEntriesBody, ImportEntriesResponse, ListImportsResponse, Status, StoreDocumentResponse, WatchImportResponse
from loop_client.types import File
from told import DOSSIER, ID, PRACTICE, REST, TOKEN, TOMORROW, expect


def at(base_url: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=base_url, token=TOKEN)


body = ImportEntriesBody(
    entries=[
        Entry(
            journal="ACH", date=datetime.date(2026, 3, 15), reference=ID, document_reference=ID,
            lines=[
                EntryLine(account="60700000", label="ACHAT EXEMPLE", debit="100"),
                EntryLine(account="44566000", label="TVA 20", debit="20"),
                EntryLine(account="40100000", third_party="FEXEMPLE", label="FOURNISSEUR EXEMPLE", credit="120", due_date=datetime.date(2026, 4, 14)),
            ],
        )
    ]
)
sent = import_service_import_entries.sync(PRACTICE, DOSSIER, client=at(REST), body=body, idempotency_key=f'"{ID}"')
assert isinstance(sent, ImportEntriesResponse) and sent.import_record, sent
expect("import", sent.import_record.request_id, ID)

listed = import_service_list_imports.sync(PRACTICE, DOSSIER, client=at(REST), document_reference=ID)
assert isinstance(listed, ListImportsResponse) and listed.imports, listed
expect("list", listed.imports[0].request_id, ID)

# It sends files of no other type than bytes.
pdf = File(payload=io.BytesIO(b"%PDF-1.7 by " + ID.encode()))
stored = document_service_store_document.sync(PRACTICE, DOSSIER, client=at(REST), body=pdf, file_name=f"{ID}.pdf", idempotency_key=ID)
assert isinstance(stored, StoreDocumentResponse) and stored.document, stored
expect("document", stored.document.content_type, "application/pdf")

state: object = None
for line in import_service_watch_import.sync_detailed(PRACTICE, DOSSIER, ID, client=at(REST)).content.splitlines():
    watched = WatchImportResponse.from_dict(json.loads(line)["result"]).import_record
    state = watched.state if watched else None
expect("watch", state, "IMPORT_STATE_SUCCEEDED")


def reason_at(base_url: str) -> object:
    answer = reference_data_service_list_accounts.sync(PRACTICE, DOSSIER, client=at(base_url), filter_="number = 1 OR number = 2")
    assert isinstance(answer, Status) and answer.details, answer
    return answer.details[0].reason


expect("error", reason_at(REST), "FILTER_UNSUPPORTED")

read = import_service_get_import.sync(PRACTICE, DOSSIER, ID, client=at(TOMORROW))
assert isinstance(read, GetImportResponse) and read.import_record, read
expect("state of tomorrow", read.import_record.state, "IMPORT_STATE_OF_TOMORROW")
expect("reason of tomorrow", reason_at(TOMORROW), "REASON_OF_TOMORROW")
