# Stand-in for docker.io/library/node:26-trixie-slim: this project's own node and the
# user `node`; no npm.
FROM docker.io/library/debian:trixie-slim
RUN set -eu; \
    apt-get update -q; \
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends libatomic1; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*; \
    groupadd --gid 1000 node; \
    useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY node /usr/local/bin/node
RUN node --version
CMD ["node"]
