-- Which servers can use the ledger: those that know the schema least or a later one. A migration that takes something away which
-- servers of the schema before read or write raises it; one that only adds leaves it. A server of the schema before, which does
-- not look here, goes on beside this one.

-- +goose Up
CREATE TABLE schema_support (
    support BIGINT NOT NULL PRIMARY KEY CHECK (support = 1),
    least   BIGINT NOT NULL
);
INSERT INTO schema_support (support, least) VALUES (1, 15);
