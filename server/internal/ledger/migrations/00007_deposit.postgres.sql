-- Files that wait at Loop to be imported. Their content is not here, nor the link by which they were put there. Instants are
-- microseconds since 1970 UTC; report is a JSON object.

-- +goose Up
CREATE TABLE deposit (
    id         TEXT COLLATE "C"   NOT NULL,
    practice   TEXT COLLATE "C"   NOT NULL,
    dossier    TEXT COLLATE "C"   NOT NULL,
    caller     TEXT   NOT NULL,
    format     TEXT   NOT NULL,
    file_name  TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    size       BIGINT NOT NULL,
    uri        TEXT   NOT NULL,
    entries    BIGINT NOT NULL,
    lines      BIGINT NOT NULL,
    debit      TEXT   NOT NULL,
    credit     TEXT   NOT NULL,
    first_date TEXT   NOT NULL,
    last_date  TEXT   NOT NULL,
    report     TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    PRIMARY KEY (practice, id)
);

CREATE INDEX deposit_age ON deposit (expires);

CREATE VIEW ledger_deposits AS
SELECT id                     AS deposit_id,
       practice,
       dossier,
       caller,
       format,
       file_name,
       encode(digest, 'hex')  AS sha256,
       size,
       uri,
       entries,
       lines,
       debit,
       credit,
       first_date,
       last_date,
       to_timestamp(created / 1e6) AS created,
       to_timestamp(expires / 1e6) AS expires
FROM deposit;
