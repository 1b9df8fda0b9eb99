# Groundswell's image: the packages of requirements/run.txt with their hashes, the project's wheel, a user without rights.
# Entry points: web, worker, migrate (docker-compose.yml).

FROM python:3.13.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv /opt/groundswell \
    && /opt/groundswell/bin/pip install --require-hashes -r requirements/run.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r requirements/build.txt
COPY . .
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/dist . \
    && /opt/groundswell/bin/pip install --no-deps --no-index /build/dist/*.whl

FROM python:3.13.9-slim-bookworm
# The folder's owner is taken over by a new volume that is mounted there.
RUN useradd --system --uid 10001 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin groundswell \
    && install --directory --owner 10001 --group 10001 --mode 750 /var/lib/groundswell/checkpoints
COPY --from=build /opt/groundswell /opt/groundswell
ENV PATH=/opt/groundswell/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GROUNDSWELL_MODE=production
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
ENTRYPOINT ["groundswell"]
CMD ["--help"]
