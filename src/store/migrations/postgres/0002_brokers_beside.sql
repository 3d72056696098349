-- Format 2: for a broker whose queues are not in this database. What the tables mean stands in the
-- file of the same name for SQLite.

ALTER TABLE key_use ADD COLUMN stored BIGINT NOT NULL DEFAULT 1;

CREATE FUNCTION message_arrived() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_change VALUES (new.route, '', 'received', 1);
    RETURN NULL;
END $$;
CREATE TRIGGER message_arrived AFTER INSERT ON message FOR EACH ROW
    WHEN (new.fate IS NULL) EXECUTE FUNCTION message_arrived();

CREATE TABLE outbox (
    id          BYTEA PRIMARY KEY,
    at          BIGINT NOT NULL,
    queue       TEXT COLLATE "C" NOT NULL,
    message     BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    order_key   BYTEA,
    headers     TEXT NOT NULL,
    body        BYTEA NOT NULL
);
CREATE INDEX outbox_at ON outbox (at);

CREATE TABLE declared (name TEXT COLLATE "C" PRIMARY KEY);

-- 1: there may be a copy in its queue, before or behind it.
ALTER TABLE delivery ADD COLUMN copied BIGINT NOT NULL DEFAULT 0;
