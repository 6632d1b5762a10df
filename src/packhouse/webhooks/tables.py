"""Receivers, what they want to hear of, and what they were told.

A connection is a receiver: one that the account made, or the webhook of one of its integrations. Its configuration is
kept as it is shown, and beside it, encrypted, the signing key and the secrets that the configuration stands for.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, text

from packhouse.kit.db.columns import Instant, metadata

connections = Table(
    "connections",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("integration_id", BigInteger),  # of an integration's webhook; no other connection has one
    Column("configuration", Text, nullable=False),
    Column("sealed", Text),
    Column("failing_since", Instant),
    Column("paused_at", Instant),
    Column("slow_since", Instant),
    Column("key_switches_at", Instant),  # when the next signing key takes over, or took over
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("uq_connections_integration", "account_id", "integration_id", unique=True),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("connection_id", BigInteger, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

_WAITS = text("due_at IS NOT NULL")

# `status` is pending, held (its receiver is paused), delivered or failed; `due_at` is there while it is pending.
# `body` are the bytes that are signed and sent, the same at every attempt.
deliveries = Table(
    "deliveries",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("connection_id", BigInteger, nullable=False),
    Column("integration_id", BigInteger),
    Column("event_type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant),
    Column("scheduled_at", Instant),  # when `due_at` was set, by the clock of who set it
    Column("created_at", Instant, nullable=False),
    Column("attempted_at", Instant),
    Column("status_code", Integer),
    Column("answer", Text),
    Column("error", Text),
    Index(
        "ix_deliveries_due",
        "account_id",
        "connection_id",
        "due_at",
        "id",
        postgresql_where=_WAITS,
        sqlite_where=_WAITS,
    ),
    Index(
        "ix_deliveries_scheduled",
        "account_id",
        "connection_id",
        "scheduled_at",
        postgresql_where=_WAITS,
        sqlite_where=_WAITS,
    ),
    Index("ix_deliveries_connection", "account_id", "connection_id", "id"),
    Index("ix_deliveries_status", "account_id", "status", "id"),
)
