-- The files of generations, for showing what ran when. Texts as they were written: what `${…}` was
-- filled in with is not in them. A set of files is stored once, however often it starts.
CREATE TABLE file_set (
    number BIGINT PRIMARY KEY,    -- the first generation that had these files
    digest BYTEA NOT NULL,        -- of all its files
    last   BIGINT NOT NULL,       -- the last generation that had them
    at     BIGINT NOT NULL,       -- when the first of them was started
    seen   BIGINT NOT NULL        -- when the last of them was
);
CREATE INDEX file_set_last ON file_set (last);

CREATE TABLE file_in_set (
    number BIGINT NOT NULL,       -- file_set.number
    path   TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,        -- of the text
    bytes  BIGINT NOT NULL,
    PRIMARY KEY (number, path)
);
CREATE INDEX file_in_set_digest ON file_in_set (digest);

-- A file that is too large to be shown has none.
CREATE TABLE file_text (
    digest BYTEA PRIMARY KEY,
    text   TEXT NOT NULL
);
