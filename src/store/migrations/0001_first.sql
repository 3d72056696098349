-- Format 1. A file here never changes once a release has written it: what comes later is a
-- migration of its own. Times are milliseconds since 1970-01-01 UTC; ids are 16 bytes (UUIDv7),
-- digests 32 (SHA-256).

-- Facts about the store as a whole, by name.
CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

---------------------------------------------------------------------------------------- broker

-- `entries` is kept in the transactions that change it, so that asking costs nothing and a crash
-- cannot make it wrong.
CREATE TABLE queue (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    entries INTEGER NOT NULL DEFAULT 0
) STRICT;

-- AUTOINCREMENT: a position is never used twice, so one that was settled cannot come to mean
-- another entry. The body stands last, so that reading the rest does not touch its pages.
CREATE TABLE entry (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
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

-- Every index ends with the position, as SQLite appends the row's number.
CREATE INDEX entry_place ON entry (queue);
CREATE INDEX entry_ready ON entry (queue, due) WHERE blocked = 0;
CREATE INDEX entry_key ON entry (queue, order_key) WHERE order_key IS NOT NULL;
CREATE INDEX entry_blocked_due ON entry (queue, due) WHERE blocked = 1 AND due > 0;

-- Entries whose body is not what was written, put aside as they were found.
CREATE TABLE damaged (
    position    INTEGER PRIMARY KEY,
    queue       INTEGER NOT NULL,
    found_at    INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    crc         INTEGER NOT NULL,
    message     BLOB NOT NULL,
    order_key   BLOB,
    headers     TEXT NOT NULL,
    body        BLOB NOT NULL
) STRICT;

---------------------------------------------------------------------------------------- ledger

-- A message of a route from its settlement until a week after it is final.
-- `fate` NULL: an operator sent it on again, and it waits to be routed.
-- `open`: its deliveries that are under way or dead.
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    id     BLOB NOT NULL,
    route  TEXT NOT NULL,
    fate   TEXT CHECK (fate IN ('repeat', 'filtered', 'dead', 'routed', 'discarded')),
    open   INTEGER NOT NULL DEFAULT 0,
    at     INTEGER NOT NULL,
    UNIQUE (id, route)
) STRICT;
CREATE INDEX message_final ON message (at) WHERE open = 0 AND fate <> 'dead';

-- The message as accepted, while a replay may need it.
CREATE TABLE kept (
    message     INTEGER PRIMARY KEY,  -- message.number
    received_at INTEGER NOT NULL,
    headers     TEXT NOT NULL,
    body        BLOB NOT NULL
) STRICT;

-- `outcome` NULL: under way.
CREATE TABLE delivery (
    message INTEGER NOT NULL,  -- message.number
    target  TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    key     BLOB NOT NULL,     -- its Idempotency-Key
    outcome TEXT CHECK (outcome IN ('delivered', 'dead', 'expired', 'discarded')),
    at      INTEGER NOT NULL,
    PRIMARY KEY (message, target, ordinal)
) STRICT, WITHOUT ROWID;

-- Dead letters. A message that could not be routed has the target ''.
CREATE TABLE dead (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    route      TEXT NOT NULL,
    message    BLOB NOT NULL,
    target     TEXT NOT NULL,
    ordinal    INTEGER NOT NULL,
    class      TEXT NOT NULL,
    place      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    sent       BLOB,
    UNIQUE (message, route, target, ordinal)
) STRICT;
CREATE INDEX dead_kind ON dead (route, target, class);

CREATE TABLE claim (
    route    TEXT NOT NULL,
    identity BLOB NOT NULL,
    message  BLOB NOT NULL,
    body     BLOB NOT NULL,
    until    INTEGER NOT NULL,
    PRIMARY KEY (route, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_until ON claim (until);
CREATE INDEX claim_message ON claim (message, route);

CREATE TABLE pause (
    target        TEXT PRIMARY KEY,
    since         INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    by_operator   INTEGER NOT NULL,
    system_digest BLOB
) STRICT, WITHOUT ROWID;

-- What clients used their Idempotency-Keys for.
CREATE TABLE key_use (
    client  TEXT NOT NULL,
    key     TEXT NOT NULL,
    message BLOB NOT NULL,
    body    BLOB NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_use_at ON key_use (at);

CREATE TABLE generation (
    number INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

-- The two equations. Messages are counted under the target ''. The triggers below count every
-- change of a fate or an outcome, so that no statement can change one and forget the other.
CREATE TABLE tally (
    route  TEXT NOT NULL,
    target TEXT NOT NULL,
    name   TEXT NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (route, target, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER message_settled AFTER INSERT ON message WHEN new.fate IS NOT NULL BEGIN
    INSERT INTO tally VALUES (new.route, '', new.fate, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER message_changed AFTER UPDATE OF fate ON message WHEN old.fate IS NOT new.fate BEGIN
    UPDATE tally SET count = count - 1
        WHERE route = old.route AND target = '' AND name = old.fate;
    INSERT INTO tally SELECT new.route, '', new.fate, 1 WHERE new.fate IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER message_let_go AFTER UPDATE OF fate, open ON message
    WHEN new.open = 0 AND new.fate IS NOT NULL AND new.fate <> 'dead' BEGIN
    DELETE FROM kept WHERE message = new.number;
END;

CREATE TRIGGER delivery_created AFTER INSERT ON delivery BEGIN
    UPDATE message SET open = open + 1 WHERE number = new.message;
    INSERT INTO tally SELECT route, new.target, 'created', 1 FROM message WHERE number = new.message
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER delivery_changed AFTER UPDATE OF outcome ON delivery
    WHEN old.outcome IS NOT new.outcome BEGIN
    UPDATE tally SET count = count - 1
        WHERE route = (SELECT route FROM message WHERE number = old.message)
            AND target = old.target AND name = old.outcome;
    INSERT INTO tally SELECT route, new.target, new.outcome, 1 FROM message
        WHERE number = new.message AND new.outcome IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
    UPDATE message
        SET open = open + (new.outcome IS NULL OR new.outcome = 'dead')
                        - (old.outcome IS NULL OR old.outcome = 'dead'),
            at = new.at
        WHERE number = new.message;
END;

--------------------------------------------------------------------------------------- journal

CREATE TABLE journal (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    route      TEXT NOT NULL,
    message    BLOB,
    target     TEXT,
    ordinal    INTEGER,
    generation INTEGER NOT NULL,
    event      TEXT NOT NULL,
    detail     TEXT NOT NULL  -- a JSON object
) STRICT;
CREATE INDEX journal_message ON journal (message) WHERE message IS NOT NULL;
