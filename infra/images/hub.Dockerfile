# The whole hub on one machine, with SQLite in it (infra/README.md, "In a container").
#     docker build --file infra/images/hub.Dockerfile --tag hub .
#     docker run --volume hub:/data --publish 127.0.0.1:8000:8000 --env-file hub.env hub

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build
RUN python -m venv /uv && /uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/venv
# Before the code, so that a change of code finds this layer made.
COPY pyproject.toml uv.lock ./
RUN /uv/bin/uv sync --frozen --no-dev --no-cache
COPY shared shared
COPY functions functions
COPY infra/__init__.py infra/
COPY infra/holders infra/holders
COPY infra/local infra/local
COPY infra/operate infra/operate
COPY infra/sockets infra/sockets
# Nobody could write these files at run time.
RUN python -m compileall -q shared functions infra

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
# A new volume has the owner of the directory that it is put in the place of.
RUN install -d -m 0700 -o 65534 -g 65534 /data
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
VOLUME /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=5)"]
# Nobody: owns no file but the data and has no home.
USER 65534:65534
# In this form the process itself gets SIGTERM, not a shell. It needs up to 20 seconds: docker stop --time 30
STOPSIGNAL SIGTERM
CMD ["python", "-m", "infra.local.serve"]
