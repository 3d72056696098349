-- Format 2: for a broker whose queues are not in this database.

-- 0: its message was about to be stored; the next try with the key stores the same one again.
ALTER TABLE key_use ADD COLUMN stored INTEGER NOT NULL DEFAULT 1;

-- Where messages are counted when their row comes to be, which is once, whoever makes it: whoever
-- accepted them, or whoever settled them before that was written.
CREATE TRIGGER message_arrived AFTER INSERT ON message WHEN new.fate IS NULL BEGIN
    INSERT INTO tally VALUES (new.route, '', 'received', 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

-- What is to be published because something in this database says so, until it is confirmed.
CREATE TABLE outbox (
    id          BLOB PRIMARY KEY,
    at          INTEGER NOT NULL,  -- when somebody last set about it
    queue       TEXT NOT NULL,
    message     BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    due         INTEGER NOT NULL,  -- 0: at once
    order_key   BLOB,
    headers     TEXT NOT NULL,
    body        BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_at ON outbox (at);

-- The queues that were ever declared at a RabbitMQ, by whichever gateway.
CREATE TABLE declared (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- 1: there may be a copy in its queue, before or behind it.
ALTER TABLE delivery ADD COLUMN copied INTEGER NOT NULL DEFAULT 0;
