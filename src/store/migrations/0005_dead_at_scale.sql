-- Format 5: dead letters by the hundred thousand. They are looked for without a look at their
-- bodies, counted by what those that failed alike have in common, and dealt with by jobs that
-- outlive a crash.

-- `cause`: the name of what they have in common; '': not named yet, a letter of an earlier format.
-- The body stands last, so that reading the rest does not touch its pages.
ALTER TABLE dead RENAME TO dead_before;
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
    cause      TEXT NOT NULL,
    sent       BLOB,
    UNIQUE (message, route, target, ordinal)
) STRICT;
INSERT INTO dead
    SELECT id, at, route, message, target, ordinal, class, place, reason, attempts, generation,
           '', sent
    FROM dead_before;
-- A number is never given twice, also not that of the last letter, which may be gone.
DELETE FROM sqlite_sequence WHERE name = 'dead';
INSERT INTO sqlite_sequence SELECT 'dead', seq FROM sqlite_sequence WHERE name = 'dead_before';
DROP TABLE dead_before;
CREATE INDEX dead_kind ON dead (route, target, class);

-- Both hold all that a letter is looked for by: whatever is asked, only they are read.
CREATE INDEX dead_look ON dead (id, at, route, target, class);
CREATE INDEX dead_cause ON dead (cause, id, at, route, target, class);

-- What an operator ordered to be done with many dead letters.
CREATE TABLE dead_job (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token      BLOB NOT NULL UNIQUE,  -- by which who ordered it finds it
    kind       TEXT NOT NULL CHECK (kind IN ('replay', 'preview', 'discard')),
    state      TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    at         INTEGER NOT NULL,  -- when it was ordered
    ordered_by TEXT NOT NULL,     -- who, and why
    -- With which letters: NULL leaves the choice as wide as it is.
    route      TEXT,
    target     TEXT,
    class      TEXT,
    cause      TEXT,
    since      INTEGER,
    before     INTEGER,
    only_to    TEXT,              -- the one target that messages which could not be routed go to
    rate       INTEGER,           -- letters a second at most; NULL: as many as can be
    last       INTEGER NOT NULL,  -- none above this one: what dies later is not meant
    reached    INTEGER NOT NULL,  -- it is done with those up to this one
    total      INTEGER NOT NULL,  -- how many there were when it was ordered
    passed     INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0,
    -- Which gateway works on it, when it last said so, and what it waits for.
    runner     BLOB,
    seen       INTEGER NOT NULL DEFAULT 0,
    waits      TEXT,
    ended      INTEGER,
    ended_by   TEXT               -- who cancelled it, and why
) STRICT;
CREATE INDEX dead_job_running ON dead_job (id) WHERE state = 'running';
CREATE INDEX dead_job_ended ON dead_job (ended) WHERE ended IS NOT NULL;

-- Why letters of a job stayed, by what those that failed alike have in common.
CREATE TABLE dead_job_failure (
    job    INTEGER NOT NULL,
    cause  TEXT NOT NULL,
    count  INTEGER NOT NULL,
    letter INTEGER NOT NULL,  -- the first of them
    target TEXT NOT NULL,     -- and of it
    class  TEXT NOT NULL,
    place  TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (job, cause)
) STRICT, WITHOUT ROWID;
