-- The views gain what was found out and decided about a submission.

-- +goose Up
DROP VIEW ledger;
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
       abandoned <> 0                                                         AS abandoned,
       json_extract(NULLIF(evidence, ''), '$.verdict')                        AS verdict,
       json_extract(NULLIF(evidence, ''), '$.doubt')                          AS doubt,
       strftime('%Y-%m-%d %H:%M:%f', json_extract(NULLIF(evidence, ''), '$.time')) AS checked,
       CASE json_extract(NULLIF(resolution, ''), '$.statement.booked') WHEN 1 THEN 'BOOKED' WHEN 0 THEN 'NOT_BOOKED' END AS stated,
       json_extract(NULLIF(resolution, ''), '$.statement.caller')             AS stated_by,
       strftime('%Y-%m-%d %H:%M:%f', json_extract(NULLIF(resolution, ''), '$.statement.time')) AS stated_at,
       json_extract(NULLIF(resolution, ''), '$.statement.note')               AS note,
       COALESCE(json_extract(NULLIF(resolution, ''), '$.resubmissions'), 0)   AS resubmissions,
       json_extract(NULLIF(resolution, ''), '$.late')                         AS late_answers
FROM submission;

DROP VIEW ledger_uncertain;
CREATE VIEW ledger_uncertain AS
SELECT practice, dossier, request_id, caller, document_references, entries, lines, debit, first_date, last_date, loop_request_id,
       submitted, updated AS uncertain_since, error_message, follow_error, verdict, doubt, checked
FROM ledger
WHERE state = 'UNCERTAIN';
