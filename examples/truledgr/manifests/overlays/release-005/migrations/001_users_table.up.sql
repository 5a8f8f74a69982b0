CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL CHECK (length(email) BETWEEN 3 AND 254 AND position('@' IN email) > 1),
    display_name  text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 100),
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE users IS 'People who can sign in';

-- One address, one person, however it is capitalised.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

GRANT SELECT, INSERT, UPDATE, DELETE ON users TO truledgr_app;
