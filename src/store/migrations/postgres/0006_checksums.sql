-- Format 4 of a shared store: every row with a body says what it was written as. NULL: written
-- before, so nobody knows.

ALTER TABLE kept ADD COLUMN crc BIGINT;
ALTER TABLE dead ADD COLUMN crc BIGINT;  -- of `sent`
ALTER TABLE outbox ADD COLUMN crc BIGINT;
