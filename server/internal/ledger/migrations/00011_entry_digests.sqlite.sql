-- What the entries of imports are told by, see package identity: keyed digests, no texts and no amounts. Books are a dossier at
-- Loop, whichever practice here names it. What a request brings is packed with others of its month; what a deposit brings is a
-- set of chunks, and equal chunks are stored once. A server of schema 10 that still runs goes on beside this one: the imports
-- that it takes have no digests, as those from before have none.

-- +goose Up
-- Without it digests say nothing but that two are equal.
CREATE TABLE ledger_secret (
    name    TEXT   NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
);
INSERT INTO ledger_secret (name, content) VALUES ('entries', randomblob(32));

CREATE TABLE entry_books (
    books   INTEGER PRIMARY KEY,
    domain  TEXT NOT NULL,
    dossier TEXT NOT NULL,
    -- The number of the latest import.
    last    BIGINT NOT NULL,
    UNIQUE (domain, dossier)
);

-- The digests of a deposit, once complete is 1.
CREATE TABLE entry_set (
    set_id   TEXT NOT NULL PRIMARY KEY,
    books    BIGINT NOT NULL REFERENCES entry_books (books),
    practice TEXT NOT NULL,
    deposit  TEXT NOT NULL,
    entries  BIGINT NOT NULL,
    complete BIGINT NOT NULL,
    created  BIGINT NOT NULL
);
CREATE INDEX entry_set_deposit ON entry_set (practice, deposit);
CREATE INDEX entry_set_created ON entry_set (created);

-- Records of 32 bytes, in order: the digest of all but the reference, that of the reference, and that of the document.
CREATE TABLE entry_chunk (
    books   BIGINT NOT NULL,
    chunk   BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (books, chunk)
);

CREATE TABLE entry_part (
    set_id   TEXT NOT NULL REFERENCES entry_set (set_id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    books    BIGINT NOT NULL,
    month    BIGINT NOT NULL,
    chunk    BLOB NOT NULL,
    entries  BIGINT NOT NULL,
    -- The first line of each entry in its file, 4 bytes each, for as long as the deposit may be imported.
    lines    BLOB,
    PRIMARY KEY (set_id, position),
    FOREIGN KEY (books, chunk) REFERENCES entry_chunk (books, chunk)
);
CREATE INDEX entry_part_chunk ON entry_part (books, chunk);

CREATE TABLE entry_import (
    books      BIGINT NOT NULL REFERENCES entry_books (books),
    number     BIGINT NOT NULL,
    practice   TEXT NOT NULL,
    dossier    TEXT NOT NULL,
    collection TEXT NOT NULL,
    request_id TEXT NOT NULL,
    -- Of a deposit; else it is packed.
    set_id     TEXT REFERENCES entry_set (set_id),
    PRIMARY KEY (books, number),
    UNIQUE (practice, dossier, collection, request_id),
    FOREIGN KEY (practice, dossier, collection, request_id) REFERENCES write_request (practice, dossier, collection, request_id) ON DELETE CASCADE
);
CREATE INDEX entry_import_set ON entry_import (set_id);

-- Records of 40 bytes: the number of the import in 8, and one as of a chunk.
CREATE TABLE entry_pack (
    books   BIGINT NOT NULL REFERENCES entry_books (books),
    month   BIGINT NOT NULL,
    pack    BIGINT NOT NULL,
    -- Numbers of the first and of the latest import in it.
    first   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (books, month, pack)
);
