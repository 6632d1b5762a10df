"""The only reader of the environment: every setting is `PACKHOUSE_` plus its name here, in capitals."""

import os
from email.utils import parseaddr
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
    read_database_url: str | None = None
    profile: Literal["guide", "reference"] = "guide"
    public_url: str | None = None
    partner_ids: Annotated[frozenset[UUID], NoDecode] = frozenset()
    rate_limits: Literal["off", "documented"] = "off"
    max_body_bytes: Annotated[int, Field(ge=1_000)] = 10_000_000
    body_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    body_total_timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    max_import_bytes: Annotated[int, Field(ge=1_000)] = 200_000_000
    lock_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    statement_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    prepared_statements: bool = True
    pool_size: Annotated[int, Field(ge=1, le=200)] = 8
    stop_timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30
    carriers_timeout_seconds: Annotated[int, Field(ge=1, le=45)] = 45
    worker_lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    session_hours: Annotated[int, Field(ge=1, le=8_760)] = 168
    outside_images: bool = False
    exchange_rates_file: Path | None = None
    mail_from: str | None = None
    smtp_url: SecretStr | None = None
    secret_key: SecretStr | None = None
    webhooks_allow_private: bool = False
    webhooks_connect_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    webhooks_read_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    webhooks_concurrency: Annotated[int, Field(ge=1, le=100)] = 10
    webhooks_first_wait_seconds: Annotated[float, Field(gt=0)] = 300.0
    webhooks_longest_wait_seconds: Annotated[float, Field(gt=0)] = 3600.0
    webhooks_pause_after_days: Annotated[float, Field(gt=0)] = 5.0
    webhooks_keep_days: Annotated[float, Field(gt=0)] = 30.0
    trusted_proxies: str = ""
    documents_url: str = "database"
    s3_endpoint: str | None = None
    s3_region: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    metrics_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    tracing: bool = False

    @field_validator("partner_ids", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A comma list, because that is how people write lists in an environment."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
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
    """Have the processes that are started from here on keep their figures there; prometheus-client looks for it."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def allow_private_webhooks() -> None:
    """Where nothing else was said: for a server that a developer tries things on."""
    os.environ.setdefault("PACKHOUSE_WEBHOOKS_ALLOW_PRIVATE", "true")
