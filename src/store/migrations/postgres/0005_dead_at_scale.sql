-- Format 5 of a shared store: dead letters by the hundred thousand. What the tables mean stands in
-- the file of the same name for SQLite.

ALTER TABLE dead ADD COLUMN cause TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX dead_look ON dead (id) INCLUDE (at, route, target, class);
CREATE INDEX dead_cause ON dead (cause, id) INCLUDE (at, route, target, class);

CREATE TABLE dead_job (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token    BYTEA NOT NULL UNIQUE,
    kind     TEXT COLLATE "C" NOT NULL CHECK (kind IN ('replay', 'preview', 'discard')),
    state    TEXT COLLATE "C" NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    at       BIGINT NOT NULL,
    ordered_by TEXT NOT NULL,
    route    TEXT COLLATE "C",
    target   TEXT COLLATE "C",
    class    TEXT COLLATE "C",
    cause    TEXT COLLATE "C",
    since    BIGINT,
    before   BIGINT,
    only_to  TEXT COLLATE "C",
    rate     BIGINT,
    last     BIGINT NOT NULL,
    reached  BIGINT NOT NULL,
    total    BIGINT NOT NULL,
    passed   BIGINT NOT NULL DEFAULT 0,
    failed   BIGINT NOT NULL DEFAULT 0,
    runner   BYTEA,
    seen     BIGINT NOT NULL DEFAULT 0,
    waits    TEXT,
    ended    BIGINT,
    ended_by TEXT
);
CREATE INDEX dead_job_running ON dead_job (id) WHERE state = 'running';
CREATE INDEX dead_job_ended ON dead_job (ended) WHERE ended IS NOT NULL;

CREATE TABLE dead_job_failure (
    job    BIGINT NOT NULL,
    cause  TEXT COLLATE "C" NOT NULL,
    count  BIGINT NOT NULL,
    letter BIGINT NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    class  TEXT COLLATE "C" NOT NULL,
    place  TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (job, cause)
);
