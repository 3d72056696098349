-- What routes keep of bodies, beside the journal. `sealed` is a body as it stands on the disk, and
-- `digest` the SHA-256 of one that is not kept itself: of each row one of them. The target '' is the
-- message as accepted.
CREATE TABLE body (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    until   BIGINT NOT NULL,
    route   TEXT NOT NULL,
    message BYTEA NOT NULL,
    target  TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    bytes   BIGINT NOT NULL,
    digest  BYTEA,
    sealed  BYTEA
);
CREATE INDEX body_message ON body (message);
CREATE INDEX body_until ON body (until);
