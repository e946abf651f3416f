-- What people look at: readable instants, and no join. The service reads none of it.

-- +goose Up
CREATE VIEW ledger AS
SELECT practice,
       request_id,
       state,
       dossier,
       caller,
       rpc,
       format,
       attempt,
       NULLIF(document_references, '')                AS document_references,
       entries,
       lines,
       debit,
       credit,
       first_date,
       last_date,
       NULLIF(loop_request_id, '')                    AS loop_request_id,
       NULLIF(loop_ids, '')                           AS loop_ids,
       NULLIF(error, '')::json ->> 'reason'           AS error_reason,
       NULLIF(error, '')::json ->> 'message'          AS error_message,
       NULLIF(error, '')::json ->> 'loop_message'     AS loop_message,
       NULLIF(follow_error, '')                       AS follow_error,
       poll_count,
       to_timestamp(created / 1e6)                    AS created,
       to_timestamp(received / 1e6)                   AS received,
       to_timestamp(NULLIF(submitted, 0) / 1e6)       AS submitted,
       to_timestamp(updated / 1e6)                    AS updated,
       to_timestamp(NULLIF(finished, 0) / 1e6)        AS finished,
       to_timestamp(NULLIF(next_poll, 0) / 1e6)       AS next_poll,
       to_timestamp(NULLIF(lease_until, 0) / 1e6)     AS lease_until,
       owner,
       abandoned <> 0                                 AS abandoned
FROM submission;

CREATE VIEW ledger_uncertain AS
SELECT practice, dossier, request_id, caller, document_references, entries, lines, debit, first_date, last_date, loop_request_id,
       submitted, updated AS uncertain_since, error_message, follow_error
FROM ledger
WHERE state = 'UNCERTAIN';

CREATE VIEW ledger_under_way AS
SELECT practice, dossier, request_id, state, caller, loop_request_id, received, submitted, next_poll, poll_count, follow_error, lease_until, owner
FROM ledger
WHERE state IN ('RECEIVED', 'SUBMITTING', 'WAITING', 'RUNNING');

CREATE VIEW ledger_states AS
SELECT practice, state, COUNT(*) AS submissions, MIN(updated) AS oldest, MAX(updated) AS newest
FROM ledger
GROUP BY practice, state;
