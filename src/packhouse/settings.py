"""The only reader of the environment: every setting is `PACKHOUSE_` plus its name here, in capitals."""

import os
from email.utils import parseaddr
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may choose; docs/configuration.md explains each to people, and a test holds the two together."""

    model_config = SettingsConfigDict(env_prefix="PACKHOUSE_", frozen=True, extra="ignore")

    database_url: str = "sqlite:///packhouse.db"
    """`sqlite:///relative.db`, `sqlite:////absolute/path.db`, or `postgresql://user:password@host:port/name` (requires
    `pip install 'packhouse[postgres]'`)."""
    read_database_url: str | None = None
    """A streaming replica of the PostgreSQL above, for lists of orders. A client always sees its own writes: a replica
    that is behind is not used (read replicas)."""
    profile: Literal["guide", "reference"] = "guide"
    """`guide` or `reference`: which published document to follow where they differ (the two profiles)."""
    public_url: str | None = None
    """The URL by which clients reach this server, such as `https://orders.example.com`; used for links in answers.
    Without it, the `Host` header of the request is used, and an invalid one is rejected."""
    partner_ids: Annotated[frozenset[UUID], NoDecode] = frozenset()
    """UUIDs, separated by commas, that clients may send as `Sendcloud-Partner-Id`. Others are rejected. The header is
    optional."""
    rate_limits: Literal["off", "documented"] = "off"
    """`off`, or `documented`: each account may make 1,000 reads and 100 writes per minute, of which 15 per second, over
    all processes (rate limits)."""
    max_body_bytes: Annotated[int, Field(ge=1_000)] = 10_000_000
    """The largest body of a request; a larger one is answered 413 (at least 1,000)."""
    body_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """The longest pause while a body arrives; then the answer is 408 (at most 600)."""
    body_total_timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """The longest time for a whole body; then the answer is 408 (at most 3,600). Raise it for large files over slow
    connections."""
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    """Connections per server process; a further one is answered 503 and closed (1 to 1,000,000)."""
    max_import_bytes: Annotated[int, Field(ge=1_000)] = 200_000_000
    """The largest file that can be uploaded on the import page (at least 1,000)."""
    lock_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long a write waits for another one before the answer is the profile's conflict (at most 60). On SQLite, one
    transaction writes at a time, so it waits for any other write."""
    statement_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """PostgreSQL: the longest time for one statement (at most 600)."""
    prepared_statements: bool = True
    """PostgreSQL: set to `false` behind a pooler in transaction mode, such as pgbouncer."""
    pool_size: Annotated[int, Field(ge=1, le=200)] = 8
    """Connections of a process to the database (1 to 200); on PostgreSQL, as many again for reads of single rows."""
    stop_timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30
    """How long a stopping server waits for running requests (1 to 600)."""
    carriers_timeout_seconds: Annotated[int, Field(ge=1, le=45)] = 45
    """The longest time for one answer of a carrier (1 to 45)."""
    worker_lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """How long a worker may hold a job before another may take it over (1 to 3,600). For jobs that ask a carrier, it is
    at least 1.2 times the carrier timeout."""
    session_hours: Annotated[int, Field(ge=1, le=8_760)] = 168
    """How long a person stays signed in (1 to 8,760)."""
    outside_images: bool = False
    """`true` loads pictures of items (`image_url`) from the shops' hosts. Otherwise the page requests nothing from
    other hosts."""
    exchange_rates_file: Path | None = None
    """Newer exchange rates for the limits of postal forms: a CSV file with the columns `currency` and `per_sdr` (units
    per special drawing right), or a JSON object of the same. It is read at the start and has priority over the built-in
    rates."""
    mail_from: str | None = None
    """The sender of that mail: `packhouse@example.com`, or `Packhouse <packhouse@example.com>`."""
    smtp_url: SecretStr | None = None
    """The mail server for links to reset a password: `smtp://user:password@host:587`, which switches to TLS if the
    server offers it, and must do so before it sends a password to another machine, or `smtps://…:465`. It requires
    `PACKHOUSE_MAIL_FROM` and `PACKHOUSE_PUBLIC_URL`, and both server and worker need all three. Without it, operators
    make the links (`packhouse user reset-link`)."""
    secret_key: SecretStr | None = None
    """Encrypts the secrets of webhooks, contracts and second factors: a long random text, such as from `openssl rand
    -base64 32`. To replace it, set the new and the old key, separated by a comma: the first encrypts, both decrypt.
    Without it, SQLite uses a key file beside the database (`packhouse.db.key`; back up both), and PostgreSQL has no
    webhooks and no second factors."""
    webhooks_allow_private: bool = False
    """`true` allows private, loopback and link-local addresses as receivers. `make run` sets it, so that you can
    receive events on your own machine."""
    webhooks_connect_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """The longest time to connect to a receiver (at most 60)."""
    webhooks_read_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """The longest time for its answer (at most 60)."""
    webhooks_concurrency: Annotated[int, Field(ge=1, le=100)] = 10
    """The most events that one receiver gets at once (1 to 100)."""
    webhooks_first_wait_seconds: Annotated[float, Field(gt=0)] = 300.0
    """The pause before the first retry of a failed delivery; it doubles with each of the ten retries."""
    webhooks_longest_wait_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """The longest pause between retries."""
    webhooks_pause_after_days: Annotated[float, Field(gt=0)] = 5.0
    """A receiver that has accepted nothing for so long is paused."""
    webhooks_keep_days: Annotated[float, Field(gt=0)] = 30.0
    """How long finished and failed deliveries are kept."""
    printer_networks: str = ""
    """Networks, separated by commas, in which the server itself may print: `192.168.1.0/24, 10.0.7.9/32`. Without any,
    printers are reached by the browser or by `packhouse print-agent`."""
    trusted_proxies: str = ""
    """Addresses of proxies, separated by commas, whose `X-Forwarded-Proto` and `X-Forwarded-For` are trusted:
    `127.0.0.1` for a proxy on the same machine."""
    documents_url: str = "database"
    """Where labels and other documents are stored: `database`, a folder as `file:///absolute/path`, or an S3-compatible
    store as `s3://bucket/prefix` (requires `pip install 'packhouse[s3]'`). After a change, documents in the database
    stay readable."""
    s3_endpoint: str | None = None
    """The URL of the store, unless it is Amazon's: `http://127.0.0.1:9000`."""
    s3_region: str | None = None
    """The region of the bucket."""
    s3_access_key: str | None = None
    """The access key of the store; without it, requests are not signed."""
    s3_secret_key: SecretStr | None = None
    """The secret of that key."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """`debug`, `info`, `warning` or `error`. Lines of requests are `info`."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`json`, `console`, or `auto`: console in a terminal, otherwise JSON."""
    metrics_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    """The bearer token for `GET /metrics`, of at least 16 characters. Without it, only callers on the same machine, and
    not through a proxy, get the metrics."""
    tracing: bool = False
    """`true` records a span per request with OpenTelemetry (requires `pip install 'packhouse[otel]'`). Its own settings
    say where to, such as `OTEL_EXPORTER_OTLP_ENDPOINT`."""

    @field_validator("partner_ids", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A comma list, because that is how people write lists in an environment."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("printer_networks")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        for part in filter(None, map(str.strip, value.split(","))):
            ip_network(part)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """A link in a mail must lead here, whoever asked for it, so the request's own host is not enough."""
        if value is None:
            return None
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not _is_port(parts):
            raise ValueError("smtp://user:password@host:587 or smtps://user:password@host:465 is what it looks like")
        if not info.data.get("mail_from") or not info.data.get("public_url"):
            raise ValueError("it needs PACKHOUSE_MAIL_FROM and PACKHOUSE_PUBLIC_URL")
        return value

    @field_validator("mail_from")
    @classmethod
    def _check_sender(cls, value: str | None) -> str | None:
        if value is not None and ("@" not in parseaddr(value)[1] or not value.isprintable()):
            raise ValueError("an e-mail address, or a name and one: Packhouse <packhouse@example.com>")
        return value


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def share_metrics(folder: str) -> None:
    """Have the processes that are started from here on keep their metrics there; prometheus-client looks for it."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def allow_private_webhooks() -> None:
    """Where nothing else was said: for a server that a developer tries things on."""
    os.environ.setdefault("PACKHOUSE_WEBHOOKS_ALLOW_PRIVATE", "true")
