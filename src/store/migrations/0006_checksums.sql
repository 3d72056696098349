-- Format 6: every row with a body says what it was written as. NULL: written before, so nobody knows.

ALTER TABLE kept ADD COLUMN crc INTEGER;
ALTER TABLE dead ADD COLUMN crc INTEGER;  -- of `sent`
ALTER TABLE outbox ADD COLUMN crc INTEGER;
