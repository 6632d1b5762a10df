# The server and, with another command, the worker. Build: docker build -t packhouse .
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /opt/packhouse \
 && /opt/packhouse/bin/pip install --no-cache-dir --constraint constraints.txt '.[otel,postgres,redis,s3]'

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/packhouse --create-home packhouse
COPY --from=build /opt/packhouse /opt/packhouse
ENV PATH=/opt/packhouse/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PACKHOUSE_LOG_FORMAT=json \
    PACKHOUSE_DATABASE_URL=sqlite:////var/lib/packhouse/packhouse.db
WORKDIR /var/lib/packhouse
VOLUME /var/lib/packhouse
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["packhouse"]
CMD ["serve", "--host", "0.0.0.0", "--migrate"]
