-- By which a ledger that was put back from a copy is told from one that was not: how many commits have moved a submission, and
-- why nothing may be sent, empty when it may. A server of the schema before that still runs goes on beside this one, and counts
-- nothing.

-- +goose Up
CREATE TABLE ledger_mark (
    mark    BIGINT NOT NULL PRIMARY KEY CHECK (mark = 1),
    commits BIGINT NOT NULL,
    held    TEXT   NOT NULL
);
INSERT INTO ledger_mark (mark, commits, held) VALUES (1, 0, '');
