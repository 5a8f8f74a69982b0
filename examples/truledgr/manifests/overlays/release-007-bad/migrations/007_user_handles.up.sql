-- Give everybody a short handle, made from the address. The mistake: two people may share what stands before the @.
-- On an empty test database all of this succeeds; with real rows the last statement fails after the first two worked.
ALTER TABLE users ADD COLUMN handle text;

UPDATE users SET handle = lower(split_part(email, '@', 1));

ALTER TABLE users
    ALTER COLUMN handle SET NOT NULL,
    ADD CONSTRAINT users_handle_key UNIQUE (handle);
