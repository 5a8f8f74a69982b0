ALTER TABLE users
    ADD COLUMN locale     text NOT NULL DEFAULT 'en' CHECK (locale ~ '^[a-z]{2}(-[A-Z]{2})?$'),
    ADD COLUMN time_zone  text NOT NULL DEFAULT 'UTC',
    ADD COLUMN closed_at  timestamptz;

CREATE INDEX users_open ON users (created_at) WHERE closed_at IS NULL;
