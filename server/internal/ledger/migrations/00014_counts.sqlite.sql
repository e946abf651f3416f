-- How many submissions stand in each state, kept by whatever changes them; what is under way or open is found without the rest;
-- and how much of the ledger was forgotten today.

-- +goose Up
CREATE TABLE state_count (
    state TEXT   NOT NULL PRIMARY KEY,
    n     BIGINT NOT NULL
);
INSERT INTO state_count
SELECT state, COUNT(*) FROM write_request GROUP BY state;

-- +goose StatementBegin
CREATE TRIGGER state_count_insert AFTER INSERT ON write_request
BEGIN
    INSERT INTO state_count VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER state_count_update AFTER UPDATE OF state ON write_request WHEN OLD.state <> NEW.state
BEGIN
    UPDATE state_count SET n = n - 1 WHERE state = OLD.state;
    INSERT INTO state_count VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER state_count_delete AFTER DELETE ON write_request
BEGIN
    UPDATE state_count SET n = n - 1 WHERE state = OLD.state;
END;
-- +goose StatementEnd

CREATE INDEX write_request_open_newest ON write_request (created, practice, dossier, collection, request_id)
    WHERE state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'FAILED', 'UNCERTAIN');
CREATE INDEX write_request_open_updated ON write_request (updated, practice, dossier, collection, request_id)
    WHERE state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'FAILED', 'UNCERTAIN');

-- day began when; spent is how many of a kind were forgotten since.
CREATE TABLE retention (
    kind  TEXT   NOT NULL PRIMARY KEY,
    day   BIGINT NOT NULL,
    spent BIGINT NOT NULL
);
