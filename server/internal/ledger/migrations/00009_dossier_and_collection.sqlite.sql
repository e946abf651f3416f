-- A request id belongs to practice, dossier and collection: imports, documents or raw calls. The tables have other names, so that
-- every statement of an older server that is still running fails, and nothing is sent or answered by rows that it misreads.

-- +goose Up
DROP VIEW ledger_uncertain;
DROP VIEW ledger_under_way;
DROP VIEW ledger_states;
DROP VIEW ledger;

CREATE TABLE write_request (
    practice            TEXT NOT NULL,
    dossier             TEXT NOT NULL,
    collection          TEXT NOT NULL CHECK (collection IN ('imports', 'documents', 'raw')),
    request_id          TEXT NOT NULL,
    attempt             BIGINT NOT NULL CHECK (attempt >= 1),
    state               TEXT   NOT NULL CHECK (state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'SUCCEEDED',
                                                         'FAILED', 'NOT_SENT', 'REFUSED', 'UNCERTAIN')),
    owner               TEXT   NOT NULL CHECK (owner <> ''),
    lease_until         BIGINT NOT NULL,
    -- 1 when UNCERTAIN was set by another than the owner, whose late answer then still counts.
    abandoned           BIGINT NOT NULL CHECK (abandoned = 0 OR state = 'UNCERTAIN'),
    caller              TEXT   NOT NULL,
    rpc                 TEXT   NOT NULL,
    format              TEXT   NOT NULL,
    scheme              BIGINT NOT NULL,
    fingerprint         BYTEA  NOT NULL,
    document_references TEXT   NOT NULL,
    entries             BIGINT NOT NULL,
    lines               BIGINT NOT NULL,
    debit               TEXT   NOT NULL,
    credit              TEXT   NOT NULL,
    first_date          TEXT   NOT NULL,
    last_date           TEXT   NOT NULL,
    loop_request_id     TEXT   NOT NULL,
    findings            TEXT   NOT NULL,
    error               TEXT   NOT NULL,
    follow_error        TEXT   NOT NULL,
    poll_count          BIGINT NOT NULL,
    next_poll           BIGINT NOT NULL,
    created             BIGINT NOT NULL,
    received            BIGINT NOT NULL,
    updated             BIGINT NOT NULL,
    submitted           BIGINT NOT NULL,
    finished            BIGINT NOT NULL,
    loop_ids            TEXT   NOT NULL,
    clues               TEXT   NOT NULL,
    evidence            TEXT   NOT NULL,
    resolution          TEXT   NOT NULL,
    file                TEXT   NOT NULL,
    -- What the caller noted of it: a JSON object, empty without.
    metadata            TEXT   NOT NULL,
    PRIMARY KEY (practice, dossier, collection, request_id)
);

INSERT INTO write_request
SELECT practice,
       dossier,
       CASE WHEN rpc LIKE 'ImportService.%' THEN 'imports' WHEN rpc LIKE 'DocumentService.%' THEN 'documents' ELSE 'raw' END,
       request_id,
       attempt, state, owner, lease_until, abandoned, caller, rpc, format, scheme, fingerprint, document_references, entries, lines, debit, credit, first_date, last_date, loop_request_id, findings, error, follow_error, poll_count, next_poll, created, received, updated, submitted, finished, loop_ids, clues, evidence, resolution, file, ''
FROM submission;

ALTER TABLE document_reference RENAME TO old_reference;
CREATE TABLE document_reference (
    practice   TEXT NOT NULL,
    dossier    TEXT NOT NULL,
    collection TEXT NOT NULL,
    request_id TEXT NOT NULL,
    reference  TEXT NOT NULL,
    PRIMARY KEY (practice, dossier, collection, reference, request_id),
    FOREIGN KEY (practice, dossier, collection, request_id) REFERENCES write_request (practice, dossier, collection, request_id) ON DELETE CASCADE
);
INSERT INTO document_reference
SELECT w.practice, w.dossier, w.collection, w.request_id, o.reference
FROM old_reference o JOIN write_request w ON w.practice = o.practice AND w.request_id = o.request_id;
DROP TABLE old_reference;
DROP TABLE submission;
ALTER TABLE deposit RENAME TO file_deposit;

CREATE INDEX document_reference_owner ON document_reference (practice, dossier, collection, request_id);
CREATE INDEX write_request_content ON write_request (practice, dossier, fingerprint, received);
CREATE INDEX write_request_created ON write_request (practice, created, dossier, collection, request_id);
CREATE INDEX write_request_newest ON write_request (created, practice, dossier, collection, request_id);
CREATE INDEX write_request_updated ON write_request (updated, practice, dossier, collection, request_id);
CREATE INDEX write_request_open ON write_request (lease_until) WHERE state IN ('RECEIVED', 'SUBMITTING');
CREATE INDEX write_request_due ON write_request (next_poll) WHERE state IN ('WAITING', 'RUNNING');

-- What people look at: readable instants, and no join. The service reads none of it.
CREATE VIEW ledger AS
SELECT practice,
       dossier,
       collection,
       request_id,
       state,
       caller,
       rpc,
       format,
       attempt,
       NULLIF(document_references, '')                                        AS document_references,
       NULLIF(metadata, '')                                                   AS metadata,
       entries,
       lines,
       debit,
       credit,
       first_date,
       last_date,
       NULLIF(loop_request_id, '')                                            AS loop_request_id,
       NULLIF(loop_ids, '')                                                   AS loop_ids,
       json_extract(NULLIF(error, ''), '$.reason')                            AS error_reason,
       json_extract(NULLIF(error, ''), '$.message')                           AS error_message,
       json_extract(NULLIF(error, ''), '$.loop_message')                      AS loop_message,
       NULLIF(follow_error, '')                                               AS follow_error,
       poll_count,
       strftime('%Y-%m-%d %H:%M:%f', created / 1e6, 'unixepoch')              AS created,
       strftime('%Y-%m-%d %H:%M:%f', received / 1e6, 'unixepoch')             AS received,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(submitted, 0) / 1e6, 'unixepoch') AS submitted,
       strftime('%Y-%m-%d %H:%M:%f', updated / 1e6, 'unixepoch')              AS updated,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(finished, 0) / 1e6, 'unixepoch')  AS finished,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(next_poll, 0) / 1e6, 'unixepoch') AS next_poll,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(lease_until, 0) / 1e6, 'unixepoch') AS lease_until,
       owner,
       abandoned <> 0                                                         AS abandoned,
       json_extract(NULLIF(evidence, ''), '$.verdict')                        AS verdict,
       json_extract(NULLIF(evidence, ''), '$.doubt')                          AS doubt,
       strftime('%Y-%m-%d %H:%M:%f', json_extract(NULLIF(evidence, ''), '$.time')) AS checked,
       CASE json_extract(NULLIF(resolution, ''), '$.statement.booked') WHEN 1 THEN 'BOOKED' WHEN 0 THEN 'NOT_BOOKED' END AS stated,
       json_extract(NULLIF(resolution, ''), '$.statement.caller')             AS stated_by,
       strftime('%Y-%m-%d %H:%M:%f', json_extract(NULLIF(resolution, ''), '$.statement.time')) AS stated_at,
       json_extract(NULLIF(resolution, ''), '$.statement.note')               AS note,
       COALESCE(json_extract(NULLIF(resolution, ''), '$.resubmissions'), 0)   AS resubmissions,
       json_extract(NULLIF(resolution, ''), '$.late')                         AS late_answers
FROM write_request;

CREATE VIEW ledger_uncertain AS
SELECT practice, dossier, collection, request_id, caller, document_references, entries, lines, debit, first_date, last_date, loop_request_id,
       submitted, updated AS uncertain_since, error_message, follow_error, verdict, doubt, checked
FROM ledger
WHERE state = 'UNCERTAIN';

CREATE VIEW ledger_under_way AS
SELECT practice, dossier, collection, request_id, state, caller, loop_request_id, received, submitted, next_poll, poll_count, follow_error,
       lease_until, owner
FROM ledger
WHERE state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING');

CREATE VIEW ledger_states AS
SELECT practice, collection, state, COUNT(*) AS submissions, MIN(updated) AS oldest, MAX(updated) AS newest
FROM ledger
GROUP BY practice, collection, state;
