DROP INDEX users_open;

ALTER TABLE users
    DROP COLUMN closed_at,
    DROP COLUMN time_zone,
    DROP COLUMN locale;
