-- What happened to submissions and connections, in the order of commits: the sequence is the number of the commit, which
-- ledger_mark has, and a place in it, so that nothing appears behind what was read. A row without a kind tells other servers alone
-- that a submission has changed. A server of the schema before that still runs goes on beside this one, and tells nothing.

-- +goose Up
CREATE TABLE event (
    sequence   BIGINT NOT NULL PRIMARY KEY,
    time       BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    practice   TEXT COLLATE "C" NOT NULL,
    dossier    TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    attempt    BIGINT NOT NULL,
    before     TEXT   NOT NULL,
    after      TEXT   NOT NULL,
    caller     TEXT COLLATE "C" NOT NULL,
    metadata   TEXT   NOT NULL
);

-- Practices whose connection to Loop was ever lost, and whether it is.
CREATE TABLE connection (
    practice TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    lost     BIGINT NOT NULL
);

-- The sequence up to which Retain has forgotten events.
ALTER TABLE ledger_mark ADD COLUMN forgotten BIGINT NOT NULL DEFAULT 0;
