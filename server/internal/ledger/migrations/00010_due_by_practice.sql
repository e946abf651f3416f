-- What is due is looked for practice by practice. A server of schema 9 that still runs goes on beside this one: it misses no column,
-- and its own query takes longer.

-- +goose Up
DROP INDEX write_request_due;
CREATE INDEX write_request_due ON write_request (practice, next_poll) WHERE state IN ('WAITING', 'RUNNING');
