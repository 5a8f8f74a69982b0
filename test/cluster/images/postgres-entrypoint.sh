#!/bin/bash
# Starts PostgreSQL as the official image does: makes the database on the first start from
# POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, runs /docker-entrypoint-initdb.d, and
# replaces itself by the server. Any other command is run as it is.
set -euo pipefail

[ "${1:-}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?is not set: the superuser needs a password}"
  initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 --auth-local=trust
  printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"

  # Nobody else can connect until the first start is complete: it listens on no address.
  pg_ctl --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
  sql() { psql --host=/tmp --username="$user" --no-psqlrc --set=ON_ERROR_STOP=1 "$@"; }
  [ "$database" = postgres ] || sql --dbname=postgres --command="CREATE DATABASE \"$database\""
  export PGHOST=/tmp PGUSER="$user" PGDATABASE="$database"
  shopt -s nullglob
  for file in /docker-entrypoint-initdb.d/*; do
    echo "running $file"
    case "$file" in
      *.sh) bash "$file" ;;
      *.sql) sql --dbname="$database" --file="$file" ;;
      *) echo "ignored: $file is neither .sh nor .sql" ;;
    esac
  done
  unset PGHOST PGUSER PGDATABASE
  pg_ctl --wait --mode=fast stop
fi

exec "$@"
