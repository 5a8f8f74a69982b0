DROP TRIGGER users_updated_at ON users;
ALTER TABLE users DROP COLUMN updated_at;
DROP FUNCTION set_updated_at();
