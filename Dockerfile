# The image of the operator, of the Jobs' runner and of the command line: one per PostgreSQL major, because pg_dump must be
# of the server's major. It has node, the client and server programs of that major, and three bundles; no npm, no compiler.
#
#   docker build -t ghcr.io/truledgr/migration-operator:0.1.0-pg17 .
#   docker build --build-arg PG_MAJOR=16 --build-arg POSTGRES_IMAGE=docker.io/library/postgres:16-trixie …
#
# All three base images must be of one Debian release: programs are copied out of two of them into the third together
# with the shared libraries that the third lacks, but never with a C library.
ARG NODE_IMAGE=docker.io/library/node:26-trixie-slim
ARG POSTGRES_IMAGE=docker.io/library/postgres:17-trixie
ARG BASE_IMAGE=docker.io/library/debian:trixie-slim

# What the base has already, so that nothing of it is copied over.
FROM ${BASE_IMAGE} AS base-libraries
RUN find /usr/lib -name '*.so*' > /base-libraries

# node, and what of its libraries the base lacks.
FROM ${NODE_IMAGE} AS node
COPY --from=base-libraries /base-libraries /base-libraries
RUN set -eu; \
    node=$(readlink -f "$(command -v node)"); \
    install -D -m 0755 "$node" /out/usr/local/bin/node; \
    ldd "$node" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | while read -r library; do \
      path=$(readlink -f "$(dirname "$library")")/$(basename "$library"); \
      grep -qxF "$path" /base-libraries || install -D -m 0644 "$library" "/out$path"; \
    done

# The bundles. DIST=build makes them here. DIST=prebuilt takes dist/ as `npm run build` left it in the build context:
# for machines where an image build reaches no package registry, such as our own tests.
FROM ${NODE_IMAGE} AS bundles
ARG DIST=build
WORKDIR /source
COPY . .
RUN set -eu; \
    case "$DIST" in \
      build) npm ci --no-audit --no-fund && npm run build -- operator runner cli ;; \
      prebuilt) ;; \
      *) echo "DIST must be build or prebuilt, not '$DIST'" >&2; exit 2 ;; \
    esac; \
    for bundle in operator runner cli; do \
      test -f "dist/$bundle/main.js" || { echo "dist/$bundle/main.js is missing: run 'npm run build' first" >&2; exit 2; }; \
    done

# PostgreSQL: every program and extension but the JIT compiler (130 MB of LLVM) and foreign procedural languages.
FROM ${POSTGRES_IMAGE} AS postgres
ARG PG_MAJOR=17
USER root
COPY --from=base-libraries /base-libraries /base-libraries
RUN set -eu; \
    home=/usr/lib/postgresql/$PG_MAJOR; \
    test -x "$home/bin/pg_dump" || { echo "POSTGRES_IMAGE has no PostgreSQL $PG_MAJOR in $home" >&2; exit 2; }; \
    mkdir -p "/out$home" /out/usr/share/postgresql; \
    cp -R "$home/bin" "$home/lib" "/out$home/"; \
    cp -R "/usr/share/postgresql/$PG_MAJOR" /out/usr/share/postgresql/; \
    rm -rf "/out$home/lib/bitcode" "/out$home/lib/pgxs" "/out/usr/share/postgresql/$PG_MAJOR/man"; \
    find "/out$home/lib" \( -name 'llvmjit*' -o -name '*plperl*' -o -name '*plpython*' -o -name 'pltcl*' \) -delete; \
    find "/out$home/bin" "/out$home/lib" -type f | xargs ldd 2>/dev/null \
      | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | while read -r library; do \
        path=$(readlink -f "$(dirname "$library")")/$(basename "$library"); \
        grep -qxF "$path" /base-libraries || install -D -m 0644 "$library" "/out$path"; \
      done; \
    if [ -d /usr/share/zoneinfo ]; then cp -R /usr/share/zoneinfo /out/usr/share/; fi

FROM ${BASE_IMAGE}
ARG PG_MAJOR=17
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="migration-operator" \
      org.opencontainers.image.description="Database migrations for Kubernetes: back up, migrate and scale in the right order" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The TruLedgr migration operator authors" \
      org.opencontainers.image.version="${VERSION}" \
      app.truledgr.migrations.postgresql-major="${PG_MAJOR}"
COPY --from=postgres /out/ /
COPY --from=node /out/ /
# A name for the user, because PostgreSQL programs refuse to run as a number that nobody has; the command line by its name,
# for init containers; then the proof that every library was found: a missing one should fail the build, not a Job in
# the middle of a release.
RUN set -eu; \
    echo 'migration:x:65532:65532:migration operator:/tmp:/usr/sbin/nologin' >> /etc/passwd; \
    echo 'migration:x:65532:' >> /etc/group; \
    printf '%s\n' '#!/bin/sh' 'exec node /app/cli/main.js "$@"' > /usr/local/bin/migrate; \
    chmod 0755 /usr/local/bin/migrate; \
    ldconfig; \
    node --version; \
    for program in postgres initdb psql pg_dump pg_restore; do "/usr/lib/postgresql/$PG_MAJOR/bin/$program" --version; done; \
    missing=$(find "/usr/lib/postgresql/$PG_MAJOR" -type f | xargs ldd 2>/dev/null | grep 'not found' || true); \
    test -z "$missing" || { echo "$missing" >&2; exit 1; }
ENV PATH=/usr/lib/postgresql/${PG_MAJOR}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PG_MAJOR=${PG_MAJOR} \
    NODE_ENV=production \
    HOME=/tmp
USER 65532:65532
# Last and small: a change of the code changes this layer only.
COPY --from=bundles /source/dist/operator /app/operator
COPY --from=bundles /source/dist/runner /app/runner
COPY --from=bundles /source/dist/cli /app/cli
WORKDIR /app
# Nothing is written outside /tmp: run it with a read-only root file system and an emptyDir there.
# The operator by default, with the small heap that the chart gives it, too (docs/benchmarks.md); a Job's command is
# `node /app/runner/main.js <step>`, an init container's `migrate wait`.
ENTRYPOINT ["node"]
CMD ["--optimize-for-size", "/app/operator/main.js"]
