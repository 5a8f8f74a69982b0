#!/bin/sh
# Starts PostgreSQL; on the first start makes the database and its two roles. A start that was interrupted before the end
# begins again from nothing, because the new directory gets its name last.
set -eu
PATH=/usr/lib/postgresql/17/bin:$PATH
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
    --auth-local=trust --auth-host=scram-sha-256 > /dev/null
  # Passwords always, from everywhere; without one only inside this Pod.
  echo 'host all all all scram-sha-256' >> "$PGDATA.new/pg_hba.conf"
  pg_ctl --pgdata="$PGDATA.new" --wait --silent --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
  psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --host=/tmp --username=postgres --file=/scripts/roles.sql
  pg_ctl --pgdata="$PGDATA.new" --wait --silent --mode=fast stop
  mv "$PGDATA.new" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp
