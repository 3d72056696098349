-- Format 3: what a message costs. Numbers that many statements of a transaction change are written
-- once at its end, and by the program; what a trigger did for each row, a statement does.

DROP TRIGGER message_settled;
DROP TRIGGER message_changed;
DROP TRIGGER message_let_go;
DROP TRIGGER delivery_created;
DROP TRIGGER delivery_changed;
DROP TRIGGER message_arrived;

-- The broker gives positions, never one twice while it is open, and none up to which it suspects
-- repeats: so SQLite need not write down the last one with each row.
ALTER TABLE entry RENAME TO entry_before;
CREATE TABLE entry (
    position    INTEGER PRIMARY KEY,
    queue       INTEGER NOT NULL,
    due         INTEGER NOT NULL,  -- 0: at once
    blocked     INTEGER NOT NULL,  -- 1: an earlier entry of its queue has the same order key
    redelivered INTEGER NOT NULL DEFAULT 0,
    received_at INTEGER NOT NULL,
    crc         INTEGER NOT NULL,  -- CRC-32 of the body
    message     BLOB NOT NULL,
    order_key   BLOB,
    headers     TEXT NOT NULL,     -- a JSON object
    body        BLOB NOT NULL
) STRICT;
INSERT INTO entry SELECT * FROM entry_before;
DROP TABLE entry_before;
CREATE INDEX entry_place ON entry (queue);
CREATE INDEX entry_ready ON entry (queue, due) WHERE blocked = 0;
CREATE INDEX entry_key ON entry (queue, order_key) WHERE order_key IS NOT NULL;
CREATE INDEX entry_blocked_due ON entry (queue, due) WHERE blocked = 1 AND due > 0;

-- A line's number only says which came first.
ALTER TABLE journal RENAME TO journal_before;
CREATE TABLE journal (
    number     INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    route      TEXT NOT NULL,
    message    BLOB,
    target     TEXT,
    ordinal    INTEGER,
    generation INTEGER NOT NULL,
    event      TEXT NOT NULL,
    detail     TEXT NOT NULL  -- a JSON object
) STRICT;
INSERT INTO journal SELECT * FROM journal_before;
DROP TABLE journal_before;
CREATE INDEX journal_message ON journal (message) WHERE message IS NOT NULL;
