-- The views gain what was found out and decided about a submission.

-- +goose Up
CREATE OR REPLACE VIEW ledger AS
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
       abandoned <> 0                                 AS abandoned,
       NULLIF(evidence, '')::json ->> 'verdict'       AS verdict,
       NULLIF(evidence, '')::json ->> 'doubt'         AS doubt,
       CAST(NULLIF(evidence, '')::json ->> 'time' AS TIMESTAMP WITH TIME ZONE) AS checked,
       CASE NULLIF(resolution, '')::json -> 'statement' ->> 'booked' WHEN 'true' THEN 'BOOKED' WHEN 'false' THEN 'NOT_BOOKED' END AS stated,
       NULLIF(resolution, '')::json -> 'statement' ->> 'caller' AS stated_by,
       CAST(NULLIF(resolution, '')::json -> 'statement' ->> 'time' AS TIMESTAMP WITH TIME ZONE) AS stated_at,
       NULLIF(resolution, '')::json -> 'statement' ->> 'note' AS note,
       COALESCE((NULLIF(resolution, '')::json ->> 'resubmissions')::bigint, 0) AS resubmissions,
       NULLIF(resolution, '')::json ->> 'late'        AS late_answers
FROM submission;

CREATE OR REPLACE VIEW ledger_uncertain AS
SELECT practice, dossier, request_id, caller, document_references, entries, lines, debit, first_date, last_date, loop_request_id,
       submitted, updated AS uncertain_since, error_message, follow_error, verdict, doubt, checked
FROM ledger
WHERE state = 'UNCERTAIN';
