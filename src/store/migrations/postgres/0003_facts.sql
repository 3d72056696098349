-- Format 2 of a shared store: single numbers, as a store in a directory has them.

CREATE TABLE fact (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);
