-- Keys compare by their bytes, as in SQLite. The order of a language changes with the operating system's library, and an
-- index of another order does not find every row: an id that is not found is sent again.

-- +goose Up
ALTER TABLE document_reference
    ALTER COLUMN practice TYPE TEXT COLLATE "C",
    ALTER COLUMN reference TYPE TEXT COLLATE "C",
    ALTER COLUMN request_id TYPE TEXT COLLATE "C";
ALTER TABLE submission
    ALTER COLUMN practice TYPE TEXT COLLATE "C",
    ALTER COLUMN request_id TYPE TEXT COLLATE "C",
    ALTER COLUMN dossier TYPE TEXT COLLATE "C";
