-- Two roles: one owns the tables and migrates, the other is what the application signs in with. The application can
-- neither change the schema nor read the ledger of migrations.
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD

CREATE ROLE truledgr_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE truledgr_app LOGIN PASSWORD :'app_password';

-- To name the application's sessions (program and address) when they do not go away after the stop.
GRANT pg_monitor TO truledgr_owner;

CREATE DATABASE truledgr OWNER truledgr_owner;
REVOKE ALL ON DATABASE truledgr FROM PUBLIC;
GRANT CONNECT ON DATABASE truledgr TO truledgr_app;
