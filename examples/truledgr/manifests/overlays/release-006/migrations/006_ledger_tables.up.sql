CREATE TABLE accounts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id    bigint NOT NULL REFERENCES groups (id),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    currency    char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, name)
);

-- Amounts are in the smallest unit of the currency. An entry is never changed: a mistake is mended by another entry.
CREATE TABLE entries (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    bigint NOT NULL REFERENCES accounts (id),
    amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
    memo          text NOT NULL DEFAULT '' CHECK (length(memo) <= 500),
    entered_by    bigint NOT NULL REFERENCES users (id),
    entered_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entries_account ON entries (account_id, entered_at);

CREATE VIEW account_balances AS
    SELECT a.id AS account_id, a.name, a.currency, COALESCE(sum(e.amount_minor), 0)::bigint AS balance_minor
    FROM accounts a LEFT JOIN entries e ON e.account_id = a.id
    GROUP BY a.id;

-- Every group starts with an account, so that the first screen of the new release is not empty.
INSERT INTO accounts (group_id, name, currency)
    SELECT id, 'Main', 'EUR' FROM groups;

GRANT SELECT, INSERT, UPDATE ON accounts TO truledgr_app;
GRANT SELECT, INSERT ON entries TO truledgr_app;
GRANT SELECT ON account_balances TO truledgr_app;
