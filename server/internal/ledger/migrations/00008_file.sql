-- Which file an import was of: JSON, empty without. Of a link neither its path nor its query, which may open it.

-- +goose Up
ALTER TABLE submission ADD COLUMN file TEXT NOT NULL DEFAULT '';
