-- What messages are found by. A plain value is 0x01 and its text, in lower case and with single
-- spaces; one that is about a person 0x02 and a keyed digest of the same.
CREATE TABLE search (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    route   TEXT NOT NULL,
    name    TEXT NOT NULL,
    message BYTEA NOT NULL,
    value   BYTEA NOT NULL
);
CREATE INDEX search_value ON search (value, number);
