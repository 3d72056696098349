-- Format 10: what routes keep of bodies, beside the journal. `sealed` is a body as it stands on the
-- disk, and `digest` the SHA-256 of one that is not kept itself: of each row one of them. The target
-- '' is the message as accepted. What stands last is read only where it is asked for.
CREATE TABLE body (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    route   TEXT NOT NULL,
    message BLOB NOT NULL,
    target  TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    digest  BLOB,
    sealed  BLOB
) STRICT;
CREATE INDEX body_message ON body (message);
CREATE INDEX body_until ON body (until);
