-- Format 4: the order of a key, numbered, and kept through what cannot be delivered.

-- Entries of one key in the order in which they were stored: who asked first need not be first.
ALTER TABLE entry ADD COLUMN rank INTEGER;
UPDATE entry SET rank = position WHERE order_key IS NOT NULL;
DROP INDEX entry_key;
CREATE INDEX entry_key ON entry (queue, order_key, rank) WHERE order_key IS NOT NULL;

-- Each key that a route ever had deliveries of to a target.
CREATE TABLE ordered_key (
    number INTEGER PRIMARY KEY,
    route  TEXT NOT NULL,
    target TEXT NOT NULL,
    key    BLOB NOT NULL,
    last   INTEGER NOT NULL,            -- the number that its last delivery got
    called INTEGER NOT NULL DEFAULT 0,  -- 1: what is parked of it may go on, and nobody was told
    UNIQUE (route, target, key)
) STRICT;
CREATE INDEX ordered_key_called ON ordered_key (number) WHERE called = 1;

ALTER TABLE delivery ADD COLUMN ordered_key INTEGER;  -- ordered_key.number
ALTER TABLE delivery ADD COLUMN seq INTEGER;          -- its number among those of its key
-- 1: it is dead, and those of its key that come later are parked.
ALTER TABLE delivery ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;
CREATE INDEX delivery_holds ON delivery (ordered_key, seq) WHERE holds = 1;
CREATE INDEX delivery_open ON delivery (ordered_key, seq)
    WHERE outcome IS NULL AND ordered_key IS NOT NULL;

-- Deliveries that wait behind an earlier one of their key, in no queue.
CREATE TABLE parked (
    ordered_key INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    message     BLOB NOT NULL,
    ordinal     INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    headers     TEXT NOT NULL,
    body        BLOB NOT NULL,
    crc         INTEGER NOT NULL,  -- of message and body
    PRIMARY KEY (ordered_key, seq)
) STRICT;
