# The base is named by its tag here; a release names it by its digest: --build-arg BASE=...@sha256:...
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
RUN ["python3", "-m", "venv", "/opt/tollhouse"]
WORKDIR /src
# Exactly what a release runs with, file by file.
COPY requirements.txt ./
RUN ["/opt/tollhouse/bin/python", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes", "-r", "requirements.txt"]
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY policies ./policies
COPY gateway ./gateway
RUN ["/opt/tollhouse/bin/python", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "."]

FROM ${BASE}
LABEL org.opencontainers.image.title="Tollhouse" \
      org.opencontainers.image.description="A reverse proxy for paid generation APIs that never lets a team spend money it was not given." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/tollhouse /opt/tollhouse
# Owned by whom the image runs as: a volume that is mounted there for the first time takes that over.
RUN ["install", "-d", "-o", "65532", "-g", "65532", "-m", "0700", "/var/lib/tollhouse"]
ENV PATH=/opt/tollhouse/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    TOLLHOUSE_DATA_DIR=/var/lib/tollhouse \
    TOLLHOUSE_LISTEN=0.0.0.0:8080 \
    TOLLHOUSE_CONTROL_LISTEN=0.0.0.0:8081 \
    TOLLHOUSE_LOG_FORMAT=json
WORKDIR /var/lib/tollhouse
USER 65532:65532
VOLUME ["/var/lib/tollhouse"]
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# Lives; whether it is ready is asked by whoever balances.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/healthz', timeout=2)"]
ENTRYPOINT ["tollhouse"]
CMD ["serve"]
