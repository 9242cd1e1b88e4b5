# pxr_tf with the service and DICOM: docs/install.md. Build: docker build -t pxr .
# Every library has the version and the digest of uv.lock. Build tools stay in the first stage.
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PROJECT_ENVIRONMENT=/venv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1
WORKDIR /source
COPY pyproject.toml uv.lock README.md LICENSE ./
# The libraries first: this layer stays while only pxr_tf changes.
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-install-project --extra serve --extra dicom
COPY pxr_tf ./pxr_tf
COPY configs ./configs
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-editable --extra serve --extra dicom

FROM python:3.11-slim-bookworm
# What opencv-python loads.
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
COPY --from=build /venv /venv
# Only /tmp is written to, besides a folder that is mounted: the root file system can be read-only.
ENV PATH=/venv/bin:$PATH HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /work
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["pxr"]
CMD ["--help"]
