-- What people look at: readable instants (UTC), and no join. The service reads none of it.

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
       NULLIF(document_references, '')                                        AS document_references,
       entries,
       lines,
       debit,
       credit,
       first_date,
       last_date,
       NULLIF(loop_request_id, '')                                            AS loop_request_id,
       NULLIF(loop_ids, '')                                                   AS loop_ids,
       json_extract(NULLIF(error, ''), '$.reason')                            AS error_reason,
       json_extract(NULLIF(error, ''), '$.message')                           AS error_message,
       json_extract(NULLIF(error, ''), '$.loop_message')                      AS loop_message,
       NULLIF(follow_error, '')                                               AS follow_error,
       poll_count,
       strftime('%Y-%m-%d %H:%M:%f', created / 1e6, 'unixepoch')              AS created,
       strftime('%Y-%m-%d %H:%M:%f', received / 1e6, 'unixepoch')             AS received,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(submitted, 0) / 1e6, 'unixepoch') AS submitted,
       strftime('%Y-%m-%d %H:%M:%f', updated / 1e6, 'unixepoch')              AS updated,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(finished, 0) / 1e6, 'unixepoch')  AS finished,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(next_poll, 0) / 1e6, 'unixepoch') AS next_poll,
       strftime('%Y-%m-%d %H:%M:%f', NULLIF(lease_until, 0) / 1e6, 'unixepoch') AS lease_until,
       owner,
       abandoned <> 0                                                         AS abandoned
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
