-- Format 8: the files of generations, for showing what ran when. Texts as they were written: what
-- `${…}` was filled in with is not in them. A set of files is stored once, however often it starts.
CREATE TABLE file_set (
    number INTEGER PRIMARY KEY,   -- the first generation that had these files
    digest BLOB NOT NULL,         -- of all its files
    last   INTEGER NOT NULL,      -- the last generation that had them
    at     INTEGER NOT NULL,      -- when the first of them was started
    seen   INTEGER NOT NULL       -- when the last of them was
) STRICT;
CREATE INDEX file_set_last ON file_set (last);

CREATE TABLE file_in_set (
    number INTEGER NOT NULL,      -- file_set.number
    path   TEXT NOT NULL,
    digest BLOB NOT NULL,         -- of the text
    bytes  INTEGER NOT NULL,
    PRIMARY KEY (number, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_in_set_digest ON file_in_set (digest);

-- A file that is too large to be shown has none.
CREATE TABLE file_text (
    digest BLOB NOT NULL UNIQUE,
    text   TEXT NOT NULL
) STRICT;
