-- Format 9: how many dead letters there are of a group is kept, and not counted when somebody asks.

-- Those of an earlier format may have no group yet (''): there is a row for each of their kinds.
CREATE TABLE dead_group (
    cause  TEXT NOT NULL,
    route  TEXT NOT NULL,
    target TEXT NOT NULL,
    class  TEXT NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (cause, route, target, class)
) STRICT, WITHOUT ROWID;
INSERT INTO dead_group
    SELECT cause, route, target, class, count(*) FROM dead GROUP BY cause, route, target, class;
CREATE INDEX dead_group_count ON dead_group (count DESC, cause, route, target, class);

-- What it was for is the sum of the groups now.
DROP INDEX dead_kind;
