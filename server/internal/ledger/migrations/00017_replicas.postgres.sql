-- What the servers of a ledger tell each other. A server of the schema before goes on beside this one: it reads and writes none of
-- it.

-- +goose Up
-- Who is there. Others look whether beats grows: no clock has a part in it.
CREATE TABLE server_presence (
    server   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    beats    BIGINT           NOT NULL,
    -- How many servers it takes there to be.
    replicas BIGINT           NOT NULL
);

-- What Loop's last 429 for a practice with a subscription key asked for, of which this is a mark and no secret. server and number
-- name the event; wait is what was left of it, in microseconds, when it was noted; 0 is its end.
CREATE TABLE loop_throttle (
    subscription TEXT COLLATE "C" NOT NULL,
    practice     TEXT COLLATE "C" NOT NULL,
    server       TEXT             NOT NULL,
    number       BIGINT           NOT NULL,
    wait         BIGINT           NOT NULL,
    noted        BIGINT           NOT NULL,
    PRIMARY KEY (subscription, practice)
);
