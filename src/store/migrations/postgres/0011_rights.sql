-- Format 11: who did and looked at what, and the second person that a job may need.

-- The lines about what people did, among very many about messages.
CREATE INDEX journal_acted ON journal (number) WHERE event = 'acted';

ALTER TABLE dead_job ADD COLUMN who TEXT;  -- who ordered it; NULL: before this format
ALTER TABLE dead_job ADD COLUMN unapproved BIGINT NOT NULL DEFAULT 0;  -- it waits for another one
ALTER TABLE dead_job ADD COLUMN approved_by TEXT;  -- who that was
