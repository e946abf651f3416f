-- What Loop named in the answer to a write that it carries out at once: a JSON object of ids, empty without any.

-- +goose Up
ALTER TABLE submission ADD COLUMN loop_ids TEXT NOT NULL DEFAULT '';
