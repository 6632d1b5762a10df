"""What a process is made of: one `Context` for its handlers and for its jobs.

It lies below every package that it names, so these are imported for the type checker alone;
`packhouse.bootstrap` puts one together.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import Request

from packhouse.kit import http
from packhouse.kit.db import Database, Transaction, Tuning
from packhouse.kit.encryption import Encryptor
from packhouse.kit.mail import Mailer
from packhouse.settings import Settings

if TYPE_CHECKING:
    from packhouse.accounts.failures import Failures
    from packhouse.database_health import Health
    from packhouse.shipping.setup.options import Options
    from packhouse.shipping.storage import Store
    from packhouse.web.frame.watches import Watches
    from packhouse.webhooks.outcomes import RetryPolicy
    from packhouse.webhooks.sender import Sender

AppendLog = Callable[[Transaction, int, int | None, dict[str, Any], datetime], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Context(http.HttpContext):
    """`options` are the shipping options of the carriers that are installed, `store` keeps documents outside of the
    database where the settings say so, `append_log` writes into an integration's log what could not be delivered."""

    settings: Settings
    encryptor: Encryptor
    failures: "Failures"
    options: "Options"
    store: "Store | None"
    sender: "Sender"
    retry_policy: "RetryPolicy"
    append_log: AppendLog
    watches: "Watches"
    mailer: Mailer | None
    health: "Health"
    rate_questions: "set[asyncio.Task[Any]]" = field(default_factory=set)
    """What carriers are being asked about prices (`shipping.carrier_rates`)."""


def of(request: Request) -> Context:
    """Return the context of the process that serves this request."""
    return cast("Context", http.context(request))


def create_database(settings: Settings, url: str | None = None) -> Database:
    """Return the database that is written to, or the one at `url`. Raises DatabaseUrlError."""
    tuning = Tuning(
        settings.lock_timeout_seconds,
        settings.statement_timeout_seconds,
        settings.pool_size,
        settings.prepared_statements,
    )
    return Database(url or settings.database_url, tuning)


def open_encryptor(settings: Settings, db: Database) -> Encryptor:
    """Beside a SQLite file there may be a key file; PostgreSQL, where several machines meet, needs the setting."""
    keys = settings.secret_key.get_secret_value() if settings.secret_key else None
    return Encryptor(keys, Path(f"{db.url.database}.key") if db.is_sqlite else None)
