-- How many submissions stand in each state, kept by whatever changes them, also by a server of the schema before; what is under
-- way or open is found without the rest; and how much of the ledger was forgotten today.

-- +goose Up
-- Rows of one state are summed up: changes are added beside one another, so that no transaction waits for another's, and are
-- drawn together now and then.
CREATE TABLE state_count (
    state TEXT   NOT NULL,
    n     BIGINT NOT NULL
);
INSERT INTO state_count
SELECT state, COUNT(*) FROM write_request GROUP BY state;

-- +goose StatementBegin
CREATE FUNCTION count_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO state_count VALUES (OLD.state, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO state_count VALUES (NEW.state, 1);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER state_count_change AFTER INSERT OR DELETE ON write_request FOR EACH ROW EXECUTE FUNCTION count_state();
CREATE TRIGGER state_count_update AFTER UPDATE OF state ON write_request FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION count_state();

CREATE INDEX write_request_open_newest ON write_request (created, practice, dossier, collection, request_id)
    WHERE state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'FAILED', 'UNCERTAIN');
CREATE INDEX write_request_open_updated ON write_request (updated, practice, dossier, collection, request_id)
    WHERE state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING', 'FAILED', 'UNCERTAIN');

-- day began when; spent is how many of a kind were forgotten since.
CREATE TABLE retention (
    kind  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    day   BIGINT NOT NULL,
    spent BIGINT NOT NULL
);
