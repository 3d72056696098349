-- Format 1 of a shared store. As with the other formats, what comes later is a migration of its
-- own. Meanings, times, ids and digests as in the store of one gateway; the queues are RabbitMQ's.
--
-- Texts are compared by their bytes, as SQLite does: the same order everywhere, whatever the
-- server's locale.

---------------------------------------------------------------------------------------- ledger

CREATE TABLE message (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id     BYTEA NOT NULL,
    route  TEXT COLLATE "C" NOT NULL,
    fate   TEXT COLLATE "C"
        CHECK (fate IN ('repeat', 'filtered', 'dead', 'routed', 'discarded')),
    open   BIGINT NOT NULL DEFAULT 0,
    at     BIGINT NOT NULL,
    UNIQUE (id, route)
);
CREATE INDEX message_final ON message (at) WHERE open = 0 AND fate <> 'dead';

CREATE TABLE kept (
    message     BIGINT PRIMARY KEY,
    received_at BIGINT NOT NULL,
    headers     TEXT NOT NULL,
    body        BYTEA NOT NULL
);

CREATE TABLE delivery (
    message BIGINT NOT NULL,
    target  TEXT COLLATE "C" NOT NULL,
    ordinal BIGINT NOT NULL,
    key     BYTEA NOT NULL,
    outcome TEXT COLLATE "C" CHECK (outcome IN ('delivered', 'dead', 'expired', 'discarded')),
    at      BIGINT NOT NULL,
    PRIMARY KEY (message, target, ordinal)
);

CREATE TABLE dead (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    route      TEXT COLLATE "C" NOT NULL,
    message    BYTEA NOT NULL,
    target     TEXT COLLATE "C" NOT NULL,
    ordinal    BIGINT NOT NULL,
    class      TEXT COLLATE "C" NOT NULL,
    place      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    attempts   BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    sent       BYTEA,
    UNIQUE (message, route, target, ordinal)
);
CREATE INDEX dead_kind ON dead (route, target, class);

CREATE TABLE claim (
    route    TEXT COLLATE "C" NOT NULL,
    identity BYTEA NOT NULL,
    message  BYTEA NOT NULL,
    body     BYTEA NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (route, identity)
);
CREATE INDEX claim_until ON claim (until);
CREATE INDEX claim_message ON claim (message, route);

CREATE TABLE pause (
    target        TEXT COLLATE "C" PRIMARY KEY,
    since         BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    by_operator   BIGINT NOT NULL,
    system_digest BYTEA
);

CREATE TABLE key_use (
    client  TEXT COLLATE "C" NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,
    message BYTEA NOT NULL,
    body    BYTEA NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX key_use_at ON key_use (at);

CREATE TABLE generation (
    number BIGINT PRIMARY KEY,
    digest BYTEA NOT NULL,
    at     BIGINT NOT NULL
);

-- The two equations. Each change of a count is a row of its own in `tally_change`, so that
-- gateways never wait for each other to count the same thing; `fold_tallies` adds them up from
-- time to time. The sum of both, from one snapshot, is exact at any moment.
CREATE TABLE tally_sum (
    route  TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    count  BIGINT NOT NULL,
    PRIMARY KEY (route, target, name)
);

CREATE TABLE tally_change (
    route  TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    count  BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE VIEW tally AS
    SELECT route, target, name, CAST(sum(count) AS BIGINT) AS count
    FROM (SELECT * FROM tally_sum UNION ALL SELECT * FROM tally_change) AS both_of_them
    GROUP BY route, target, name;

-- One gateway at a time; another one passes by.
CREATE FUNCTION fold_tallies() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(1397571660, 2) THEN
        RETURN;
    END IF;
    WITH gone AS (DELETE FROM tally_change RETURNING *)
    INSERT INTO tally_sum
        SELECT route, target, name, sum(count) FROM gone GROUP BY route, target, name
        ON CONFLICT (route, target, name) DO UPDATE
            SET count = tally_sum.count + excluded.count;
END $$;

CREATE FUNCTION message_settled() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_change VALUES (new.route, '', new.fate, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER message_settled AFTER INSERT ON message FOR EACH ROW
    WHEN (new.fate IS NOT NULL) EXECUTE FUNCTION message_settled();

CREATE FUNCTION message_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF old.fate IS NOT NULL THEN
        INSERT INTO tally_change VALUES (old.route, '', old.fate, -1);
    END IF;
    IF new.fate IS NOT NULL THEN
        INSERT INTO tally_change VALUES (new.route, '', new.fate, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER message_changed AFTER UPDATE OF fate ON message FOR EACH ROW
    WHEN (old.fate IS DISTINCT FROM new.fate) EXECUTE FUNCTION message_changed();

CREATE FUNCTION message_let_go() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM kept WHERE message = new.number;
    RETURN NULL;
END $$;
CREATE TRIGGER message_let_go AFTER UPDATE OF fate, open ON message FOR EACH ROW
    WHEN (new.open = 0 AND new.fate IS NOT NULL AND new.fate <> 'dead')
    EXECUTE FUNCTION message_let_go();

CREATE FUNCTION delivery_created() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE message SET open = open + 1 WHERE number = new.message;
    INSERT INTO tally_change
        SELECT route, new.target, 'created', 1 FROM message WHERE number = new.message;
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_created AFTER INSERT ON delivery FOR EACH ROW
    EXECUTE FUNCTION delivery_created();

CREATE FUNCTION delivery_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    its_route TEXT;
BEGIN
    UPDATE message
        SET open = open + CAST(new.outcome IS NULL OR new.outcome = 'dead' AS INTEGER)
                        - CAST(old.outcome IS NULL OR old.outcome = 'dead' AS INTEGER),
            at = new.at
        WHERE number = new.message
        RETURNING route INTO its_route;
    IF its_route IS NOT NULL AND old.outcome IS NOT NULL THEN
        INSERT INTO tally_change VALUES (its_route, old.target, old.outcome, -1);
    END IF;
    IF its_route IS NOT NULL AND new.outcome IS NOT NULL THEN
        INSERT INTO tally_change VALUES (its_route, new.target, new.outcome, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_changed AFTER UPDATE OF outcome ON delivery FOR EACH ROW
    WHEN (old.outcome IS DISTINCT FROM new.outcome) EXECUTE FUNCTION delivery_changed();

--------------------------------------------------------------------------------------- journal

CREATE TABLE journal (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    route      TEXT COLLATE "C" NOT NULL,
    message    BYTEA,
    target     TEXT COLLATE "C",
    ordinal    BIGINT,
    generation BIGINT NOT NULL,
    event      TEXT NOT NULL,
    detail     TEXT NOT NULL
);
CREATE INDEX journal_message ON journal (message) WHERE message IS NOT NULL;
