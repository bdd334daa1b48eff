# syntax=docker/dockerfile:1
# The service and its workers in one image; deploy/README.md says how to run it.

FROM debian:trixie-slim AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates python3 python3-pip
WORKDIR /opt/grader
ENV UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy
RUN python3 -m pip install --quiet --disable-pip-version-check --target /opt/uv uv
# What we depend on, as it is locked, without what only tests need; then the environment of students' code.
COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY grader/__init__.py grader/__init__.py
COPY grader/sandbox/runtime.lock grader/sandbox/runtime.lock
RUN /opt/uv/bin/uv venv --quiet --python /usr/bin/python3 .venv \
    && /opt/uv/bin/uv pip install --quiet --compile-bytecode --python .venv --constraints requirements.lock \
        --editable '.[server,postgres]' \
    && /opt/uv/bin/uv venv --quiet --python /usr/bin/python3 .venv/sandbox \
    && /opt/uv/bin/uv pip sync --quiet --compile-bytecode --python .venv/sandbox grader/sandbox/runtime.lock
COPY grader grader
COPY reference reference
RUN .venv/bin/python -m compileall -q grader reference

FROM debian:trixie-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends bubblewrap libseccomp2 python3 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /data --create-home grader
COPY --from=build /opt/grader /opt/grader
USER grader
# Nothing but /data and /tmp is written to, so that the rest may be read-only.
ENV PATH=/opt/grader/.venv/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    GRADER_HOME=/data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["tini", "--", "grader"]
CMD ["serve", "--host", "0.0.0.0"]
