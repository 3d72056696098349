-- Format 9 of a shared store: how many dead letters there are of a group is kept, and not counted
-- when somebody asks. As with the tallies, each change is a row of its own until it is folded, so
-- that gateways never wait for each other to count the same thing.

CREATE TABLE dead_group_sum (
    cause  TEXT COLLATE "C" NOT NULL,
    route  TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    class  TEXT COLLATE "C" NOT NULL,
    count  BIGINT NOT NULL,
    PRIMARY KEY (cause, route, target, class)
);

CREATE INDEX dead_group_gone ON dead_group_sum (cause) WHERE count = 0;

CREATE TABLE dead_group_change (
    cause  TEXT COLLATE "C" NOT NULL,
    route  TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    class  TEXT COLLATE "C" NOT NULL,
    count  BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- Nobody buries or replays between the count and the first change that is counted.
LOCK TABLE dead IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO dead_group_sum
    SELECT cause, route, target, class, count(*) FROM dead GROUP BY cause, route, target, class;

CREATE VIEW dead_group AS
    SELECT cause, route, target, class, CAST(sum(count) AS BIGINT) AS count
    FROM (SELECT * FROM dead_group_sum UNION ALL SELECT * FROM dead_group_change) AS both_of_them
    GROUP BY cause, route, target, class;

CREATE FUNCTION dead_counted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO dead_group_change VALUES (old.cause, old.route, old.target, old.class, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO dead_group_change VALUES (new.cause, new.route, new.target, new.class, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER dead_counted AFTER INSERT OR DELETE OR UPDATE OF cause ON dead FOR EACH ROW
    EXECUTE FUNCTION dead_counted();

-- One gateway at a time; another one passes by.
CREATE OR REPLACE FUNCTION fold_tallies() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(1397571660, 2) THEN
        RETURN;
    END IF;
    WITH gone AS (DELETE FROM tally_change RETURNING *)
    INSERT INTO tally_sum
        SELECT route, target, name, sum(count) FROM gone GROUP BY route, target, name
        ON CONFLICT (route, target, name) DO UPDATE
            SET count = tally_sum.count + excluded.count;
    WITH gone AS (DELETE FROM dead_group_change RETURNING *)
    INSERT INTO dead_group_sum
        SELECT cause, route, target, class, sum(count) FROM gone
        GROUP BY cause, route, target, class HAVING sum(count) <> 0
        ON CONFLICT (cause, route, target, class) DO UPDATE
            SET count = dead_group_sum.count + excluded.count;
    DELETE FROM dead_group_sum WHERE count = 0;
END $$;

DROP INDEX dead_kind;
