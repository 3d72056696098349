-- Format 7: what messages are found by. A plain value is 0x01 and its text, in lower case and with
-- single spaces; one that is about a person 0x02 and a keyed digest of the same.
CREATE TABLE search (
    number  INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    route   TEXT NOT NULL,
    name    TEXT NOT NULL,
    message BLOB NOT NULL,
    value   BLOB NOT NULL
) STRICT;
CREATE INDEX search_value ON search (value);
