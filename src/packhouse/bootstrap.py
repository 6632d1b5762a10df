"""Puts the context of a process together from its settings, for the server, the worker and the commands."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from packhouse import context
from packhouse.accounts.failures import Failures
from packhouse.carriers import Carrier, registry
from packhouse.context import Context
from packhouse.database_health import Health
from packhouse.integrations import operations as integrations
from packhouse.kit import clock, metrics
from packhouse.kit.clock import Clock
from packhouse.kit.data import places
from packhouse.kit.db import Database, Transaction
from packhouse.kit.db.replica import ReplicaReads
from packhouse.kit.http import counters, limits
from packhouse.kit.mail import Mailer
from packhouse.orders import api as orders
from packhouse.settings import Settings
from packhouse.shipping import storage
from packhouse.shipping.setup.options import Options
from packhouse.web.frame.watches import Watches
from packhouse.webhooks.outcomes import RetryPolicy
from packhouse.webhooks.sender import Sender


def create_context(
    settings: Settings,
    db: Database | None = None,
    *,
    now: Clock = clock.now,
    carriers: Sequence[Carrier] | None = None,
    policies: dict[str, limits.Policy] = limits.DOCUMENTED,
    sender: Sender | None = None,
) -> Context:
    """Carriers are those that are installed, and `sender` is what the settings say, unless they are given; `policies`
    hold where rate limits are on. Whoever makes a context ends it with `close`. Raises DatabaseUrlError, StorageError
    and InvalidRates."""
    db = db or context.create_database(settings)
    places.use_rates(settings.exchange_rates_file)
    installed = registry.find_carriers() if carriers is None else carriers
    replica = context.create_database(settings, url) if (url := settings.read_database_url) else None
    return Context(
        settings=settings,
        db=db,
        clock=now,
        public_url=settings.public_url,
        max_body_bytes=settings.max_body_bytes,
        body_timeout_seconds=settings.body_timeout_seconds,
        body_total_timeout_seconds=settings.body_total_timeout_seconds,
        partner_ids=settings.partner_ids,
        metrics=metrics.Metrics(orders.COUNTED),
        lists=ReplicaReads(db, replica),
        limits=limits.Limiter(counters.create_counters(db), policies) if settings.rate_limits != "off" else None,
        encryptor=context.open_encryptor(settings, db),
        failures=Failures(db, now),
        options=Options({carrier.code: carrier for carrier in installed}),
        store=_open_store(settings),
        sender=sender or _create_sender(settings),
        retry_policy=_to_retry_policy(settings),
        append_log=_append_log,
        watches=Watches(),
        mailer=_open_mailer(settings),
        health=Health(db),
    )


async def close(ctx: Context, *, keeps_database: bool = False) -> None:
    """End what the context holds open, its database last, unless that is somebody else's to end."""
    await ctx.failures.close()
    await ctx.sender.close()
    if ctx.limits is not None:
        await ctx.limits.close()
    await ctx.lists.close()
    if not keeps_database:
        await ctx.db.close()


@asynccontextmanager
async def open_context(
    settings: Settings, db: Database | None = None, *, now: Clock = clock.now, carriers: Sequence[Carrier] | None = None
) -> AsyncIterator[Context]:
    """Hold a context while the block runs; a database that is given stays open."""
    ctx = create_context(settings, db, now=now, carriers=carriers)
    try:
        yield ctx
    finally:
        await close(ctx, keeps_database=db is not None)


def _open_store(settings: Settings) -> storage.Store | None:
    secret = settings.s3_secret_key
    return storage.open_store(
        settings.documents_url,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=secret.get_secret_value() if secret else None,
    )


def _create_sender(settings: Settings) -> Sender:
    return Sender(
        allow_private=settings.webhooks_allow_private,
        connect_seconds=settings.webhooks_connect_timeout_seconds,
        read_seconds=settings.webhooks_read_timeout_seconds,
    )


def _to_retry_policy(settings: Settings) -> RetryPolicy:
    return RetryPolicy(
        first_wait=timedelta(seconds=settings.webhooks_first_wait_seconds),
        longest_wait=timedelta(seconds=settings.webhooks_longest_wait_seconds),
        pause_after=timedelta(days=settings.webhooks_pause_after_days),
        keep=timedelta(days=settings.webhooks_keep_days),
        concurrency=settings.webhooks_concurrency,
        turn=timedelta(seconds=settings.worker_lease_seconds / 3),
    )


async def _append_log(
    tx: Transaction, account_id: int, integration_id: int | None, entry: dict[str, Any], now: datetime
) -> None:
    await integrations.append_log(tx, account_id, integration_id, entry, now=now)


def _open_mailer(settings: Settings) -> Mailer | None:
    """None where no mail is sent. The settings say that there is a sender where there is a server."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
