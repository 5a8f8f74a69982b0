-- A password is kept as scrypt's output, never as it was typed.
CREATE TABLE credentials (
    user_id        bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    salt           bytea NOT NULL CHECK (octet_length(salt) = 16),
    password_hash  bytea NOT NULL CHECK (octet_length(password_hash) = 64),
    changed_at     timestamptz NOT NULL DEFAULT now()
);

-- A session is found by the digest of its token: whoever reads this table can sign in as nobody.
CREATE TABLE sessions (
    token_digest  bytea PRIMARY KEY CHECK (octet_length(token_digest) = 32),
    user_id       bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL CHECK (expires_at > created_at)
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON credentials, sessions TO truledgr_app;
