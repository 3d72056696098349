-- Format 4 of a shared store: the order of a key. What the tables mean stands in the file of the
-- same name for SQLite; queues are RabbitMQ's.

CREATE TABLE ordered_key (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    route  TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    key    BYTEA NOT NULL,
    last   BIGINT NOT NULL,
    called BIGINT NOT NULL DEFAULT 0,
    UNIQUE (route, target, key)
);
CREATE INDEX ordered_key_called ON ordered_key (number) WHERE called = 1;

ALTER TABLE delivery ADD COLUMN ordered_key BIGINT;
ALTER TABLE delivery ADD COLUMN seq BIGINT;
ALTER TABLE delivery ADD COLUMN holds BIGINT NOT NULL DEFAULT 0;
CREATE INDEX delivery_holds ON delivery (ordered_key, seq) WHERE holds = 1;
CREATE INDEX delivery_open ON delivery (ordered_key, seq)
    WHERE outcome IS NULL AND ordered_key IS NOT NULL;

CREATE TABLE parked (
    ordered_key BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    message     BYTEA NOT NULL,
    ordinal     BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    headers     TEXT NOT NULL,
    body        BYTEA NOT NULL,
    crc         BIGINT NOT NULL,  -- of message and body
    PRIMARY KEY (ordered_key, seq)
);

CREATE FUNCTION parked_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tally_change
            SELECT route, target, 'parked', 1 FROM ordered_key WHERE number = new.ordered_key;
    ELSE
        INSERT INTO tally_change
            SELECT route, target, 'parked', -1 FROM ordered_key WHERE number = old.ordered_key;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER parked_changed AFTER INSERT OR DELETE ON parked FOR EACH ROW
    EXECUTE FUNCTION parked_changed();
