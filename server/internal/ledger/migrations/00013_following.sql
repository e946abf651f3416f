-- What Loop was asked about, and for how long it could be: an UNCERTAIN whose id at Loop is known is asked for each day. A server
-- of the schema before goes on beside this one: it misses no column, and asks for no UNCERTAIN.

-- +goose Up
-- When Loop was asked last.
ALTER TABLE write_request ADD COLUMN asked BIGINT NOT NULL DEFAULT 0;
-- How long it was followed while Loop could be asked, in microseconds.
ALTER TABLE write_request ADD COLUMN follow_age BIGINT NOT NULL DEFAULT 0;

CREATE INDEX write_request_doubtful ON write_request (practice, next_poll) WHERE state = 'UNCERTAIN' AND next_poll > 0;

UPDATE write_request SET next_poll = updated + 86400000000, follow_age = 604800000000 WHERE state = 'UNCERTAIN' AND loop_request_id <> '';
