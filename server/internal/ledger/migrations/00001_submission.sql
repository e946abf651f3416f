-- The same text runs on SQLite and on PostgreSQL. Instants are microseconds since 1970 UTC, 0 when unset; lists and
-- objects are JSON.

-- +goose Up
CREATE TABLE submission (
    practice            TEXT   NOT NULL,
    request_id          TEXT   NOT NULL,
    attempt             BIGINT NOT NULL CHECK (attempt >= 1),
    state               TEXT   NOT NULL CHECK (state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'SUCCEEDED',
                                                         'FAILED', 'NOT_SENT', 'REFUSED', 'UNCERTAIN')),
    owner               TEXT   NOT NULL CHECK (owner <> ''),
    lease_until         BIGINT NOT NULL,
    -- 1 when UNCERTAIN was set by another than the owner, whose late answer then still counts.
    abandoned           BIGINT NOT NULL CHECK (abandoned = 0 OR state = 'UNCERTAIN'),
    caller              TEXT   NOT NULL,
    rpc                 TEXT   NOT NULL,
    dossier             TEXT   NOT NULL,
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
    PRIMARY KEY (practice, request_id)
);

CREATE INDEX submission_content ON submission (practice, dossier, fingerprint, received);
CREATE INDEX submission_newest ON submission (practice, created, request_id);
CREATE INDEX submission_open ON submission (lease_until) WHERE state IN ('RECEIVED', 'SUBMITTING');
CREATE INDEX submission_due ON submission (next_poll) WHERE state IN ('WAITING', 'RUNNING');
CREATE INDEX submission_age ON submission (updated);

-- Finds the submissions of a reference; submission.document_references is what is shown.
CREATE TABLE document_reference (
    practice   TEXT NOT NULL,
    reference  TEXT NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (practice, reference, request_id),
    FOREIGN KEY (practice, request_id) REFERENCES submission (practice, request_id) ON DELETE CASCADE
);

CREATE INDEX document_reference_owner ON document_reference (practice, request_id);
