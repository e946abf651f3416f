-- What is known of a submission whose fate was open: how to tell its entries in Loop, what a look into Loop has shown, and
-- what people have decided. JSON, empty without.

-- +goose Up
ALTER TABLE submission ADD COLUMN clues TEXT NOT NULL DEFAULT '';
ALTER TABLE submission ADD COLUMN evidence TEXT NOT NULL DEFAULT '';
ALTER TABLE submission ADD COLUMN resolution TEXT NOT NULL DEFAULT '';
