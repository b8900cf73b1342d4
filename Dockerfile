# syntax=docker/dockerfile:1
FROM python:3.13-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY manage.py ./
COPY dashboard dashboard
COPY keys keys
COPY environments environments
COPY templates templates
RUN STATIC_ROOT=/app/static DATA_DIR=/tmp/build /venv/bin/python manage.py collectstatic --no-input

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data latchkey && install -d -o latchkey -m 0700 /data /audit
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER latchkey
ENV PATH=/venv/bin:$PATH DATA_DIR=/data STATIC_ROOT=/app/static PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The web process; compose.yaml gives worker and beat their own commands. DIE_WITH_PARENT: the server's child ends with
# the server, and its threads hand the interpreter over less often (dashboard/wsgi.py).
ENV DIE_WITH_PARENT=1
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", "--respawn-failed-workers", \
     "--no-ws", "--blocking-threads", "4", "--blocking-threads-idle-timeout", "600", "--runtime-threads", "1", \
     "--log-level", "warning", "dashboard.wsgi:application"]
