-- What the servers of a ledger tell each other; a ledger in a file has one. A server of the schema before goes on beside this one:
-- it reads and writes none of it.

-- +goose Up
CREATE TABLE server_presence (
    server   TEXT   NOT NULL PRIMARY KEY,
    beats    BIGINT NOT NULL,
    replicas BIGINT NOT NULL
);

CREATE TABLE loop_throttle (
    subscription TEXT   NOT NULL,
    practice     TEXT   NOT NULL,
    server       TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    wait         BIGINT NOT NULL,
    noted        BIGINT NOT NULL,
    PRIMARY KEY (subscription, practice)
);
