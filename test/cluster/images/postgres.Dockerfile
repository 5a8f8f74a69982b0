# Stand-in for docker.io/library/postgres:17-trixie: Debian's server and client where the
# official image has them, the same user, and an entrypoint with the same variables. The
# JIT compiler and the libraries of Perl are left out: half of the size, and every cluster
# loads it. The server works without them; Debian's wrappers do not, so PATH passes them by.
FROM docker.io/library/debian:trixie-slim
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    groupadd --system --gid 999 postgres; \
    useradd --system --gid postgres --uid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres; \
    mkdir -p /etc/postgresql-common; \
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
    apt-get update -q; \
    apt-get install -q -y --no-install-recommends postgresql-17; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc /usr/share/man /usr/share/locale; \
    rm -rf /usr/lib/postgresql/17/lib/bitcode /usr/lib/postgresql/17/lib/llvmjit* /usr/share/i18n; \
    rm -rf /usr/lib/*/libLLVM* /usr/lib/*/libz3.* /usr/lib/*/libperl.* /usr/lib/*/perl/5.* /usr/share/perl/5.*; \
    sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" /usr/share/postgresql/17/postgresql.conf.sample; \
    install -d -o postgres -g postgres -m 3777 /var/run/postgresql; \
    install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data; \
    install -d /docker-entrypoint-initdb.d
COPY --chmod=0755 postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PG_MAJOR=17 \
    PGDATA=/var/lib/postgresql/data \
    LANG=C.UTF-8
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
