-- For a store in a PostgreSQL that was restored from a backup: run it once, before any gateway starts.
--   psql -v ON_ERROR_STOP=1 -f deploy/mark-restored.sql "$STORE_URL"
-- `simpul store restore` does the same for a store in a directory; docs/deploy.md says what it means.
BEGIN;
-- Everything that was accepted until now may have been delivered after the backup: it is flagged.
INSERT INTO fact (name, value)
    VALUES ('restored_up_to', floor(extract(epoch FROM now()) * 1000)::bigint)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
-- Numbers of keys (`simpul-key-seq`) may have been given after the backup: they are passed over.
INSERT INTO fact (name, value) VALUES ('key_numbers_passed', 1000000)
    ON CONFLICT (name) DO UPDATE SET value = fact.value + excluded.value;
UPDATE ordered_key SET last = last + 1000000;
COMMIT;
