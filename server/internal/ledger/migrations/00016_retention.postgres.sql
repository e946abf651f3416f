-- Each practice is kept for a time of its own: how many submissions it has, kept by whatever changes them; what has come to its age
-- is found without the rest; and how much of each practice was forgotten today. A server of the schema before that still runs
-- forgets nothing.

-- +goose Up
-- Rows of one practice are summed up, as those of state_count.
CREATE TABLE practice_count (
    practice TEXT COLLATE "C" NOT NULL,
    n        BIGINT NOT NULL
);
INSERT INTO practice_count
SELECT practice, COUNT(*) FROM write_request GROUP BY practice;

-- +goose StatementBegin
CREATE FUNCTION count_practice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO practice_count VALUES (NEW.practice, 1);
    ELSE
        INSERT INTO practice_count VALUES (OLD.practice, -1);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER practice_count_change AFTER INSERT OR DELETE ON write_request FOR EACH ROW EXECUTE FUNCTION count_practice();

CREATE INDEX write_request_age ON write_request (practice, updated)
    WHERE state NOT IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING');
CREATE INDEX write_request_contents ON write_request (practice, updated)
    WHERE (document_references <> '' OR findings <> '' OR evidence <> '') AND state NOT IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING');

DROP TABLE retention;
-- day began when; spent is how many of a kind were forgotten of a practice since. Deposits are of none.
CREATE TABLE retention (
    practice TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    day      BIGINT NOT NULL,
    spent    BIGINT NOT NULL,
    PRIMARY KEY (practice, kind)
);

-- An import that the answer to a refused call named is asked for, as one of today is: servers before kept its id in the error alone.
UPDATE write_request
SET loop_request_id = error::json ->> 'loop_import', next_poll = updated + 86400000000, follow_age = 604800000000
WHERE collection = 'imports' AND state = 'UNCERTAIN' AND loop_request_id = '' AND CASE WHEN error <> '' THEN error::json ->> 'reason' = 'names_import' AND error::json ->> 'loop_import' <> '' ELSE FALSE END;
