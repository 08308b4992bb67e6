# The always-on processes: Socket.IO, and with another command (`python -m infra.holders`) what holds accounts' connections.
#     docker build --file infra/images/sockets.Dockerfile .

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
COPY infra/sockets infra/sockets
# Nobody could write these files at run time.
RUN python -m compileall -q shared functions infra

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8080
#checkov:skip=CKV_DOCKER_2: Cloud Run asks /health/live by itself and does not read this instruction
# Nobody: owns no file and has no home.
USER 65534:65534
# In this form the process itself gets SIGTERM, not a shell.
CMD ["python", "-m", "infra.sockets"]
