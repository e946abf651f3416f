-- What proves that a look into Loop can see: imports of a dossier that Loop has booked, and one reference for each dossier whose
-- imports have lost theirs. A server of the schema before goes on beside this one: it reads and writes none of it.

-- +goose Up
CREATE INDEX write_request_control ON write_request (practice, dossier, updated)
    WHERE collection = 'imports' AND state = 'SUCCEEDED' AND document_references <> '';

CREATE TABLE dossier_control (
    practice   TEXT   NOT NULL,
    dossier    TEXT   NOT NULL,
    reference  TEXT   NOT NULL,
    clues      TEXT   NOT NULL,
    first_date TEXT   NOT NULL,
    last_date  TEXT   NOT NULL,
    updated    BIGINT NOT NULL,
    PRIMARY KEY (practice, dossier)
);
