"""Benches, orders in the middle of being packed, the log of what was done to them, and print jobs.

Nothing of a customer is kept here but the order number: items, names and addresses are read from the order.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from packhouse.kit.db.columns import CodePointText, Instant, metadata

# `order_id` is our id of the order that is open at the bench, `asks` the decision that its screen waits for, `told`
# what came of its last scan, `last_scan` the key of that scan: one that is sent again is not counted again.
benches = Table(
    "benches",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", CodePointText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
    Column("token_hash", Text),
    Column("agent_seen_at", Instant),
    Column("order_id", BigInteger),
    Column("asks", Text),
    Column("told", Text),
    Column("last_scan", Text),
    Column("printers", Text),
)


class BenchRow(NamedTuple):
    """A row of `benches`."""

    account_id: int
    id: int
    name: str
    created_at: datetime
    document: str
    token_hash: str | None
    agent_seen_at: datetime | None
    order_id: int | None
    asks: str | None
    told: str | None
    last_scan: str | None
    printers: str | None


# One row an order: two benches cannot have the same one open. `document` holds the acts that are counted from.
packings = Table(
    "packings",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_number", CodePointText, nullable=False),
    Column("bench_id", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("shipment_id", BigInteger),
    Column("updated_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_packings_bench", "account_id", "bench_id", "state"),
)


class PackingRow(NamedTuple):
    """A row of `packings`."""

    account_id: int
    order_id: int
    order_number: str
    bench_id: int
    by: str
    state: str
    shipment_id: int | None
    updated_at: datetime
    document: str


# What was done, by whom, at which bench. `detail` is JSON.
packing_events = Table(
    "packing_events",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, nullable=False),
    Column("bench_id", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_packing_events_order", "account_id", "order_id", "id"),
    Index("ix_packing_events_bench", "account_id", "bench_id", "action", "at"),
)

# `reference` goes to the printer as the job's name, the same at each attempt. `attempts` fences the answer of an agent
# whose claim is over. `document` says what is printed, never its content.
print_jobs = Table(
    "print_jobs",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("bench_id", BigInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("order_number", CodePointText, nullable=False),
    Column("reference", Text, nullable=False),
    Column("printer", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("claimed_until", Instant),
    Column("error", Text),
    Column("document", Text, nullable=False),
    Index("ix_print_jobs_bench", "account_id", "bench_id", "id"),
    Index("ix_print_jobs_due", "account_id", "bench_id", "way", "state", "id"),
)

# Orders that somebody took to pack one after the other. `owner` is an actor, as in an order's history.
batches = Table(
    "batches",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_batches_state", "account_id", "state", "id"),
)


class BatchRow(NamedTuple):
    """A row of `batches`."""

    account_id: int
    id: int
    state: str
    owner: str
    created_at: datetime
    updated_at: datetime
    document: str


# An order waits in one batch at most: the database holds that, whoever takes at the same moment.
_WAITING = text("state = 'waiting'")
batch_orders = Table(
    "batch_orders",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("batch_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_number", CodePointText, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Index(
        "uq_batch_orders_waiting",
        "account_id",
        "order_id",
        unique=True,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
)

# Where an article lies, by its SKU, folded; `sku` is as it was written.
bins = Table(
    "bins",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("folded", CodePointText, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("bin", Text, nullable=False),
    sqlite_with_rowid=False,
)


class PrintJobRow(NamedTuple):
    """A row of `print_jobs`."""

    account_id: int
    id: int
    bench_id: int
    order_id: int
    order_number: str
    reference: str
    printer: str
    way: str
    state: str
    attempts: int
    created_at: datetime
    updated_at: datetime
    claimed_until: datetime | None
    error: str | None
    document: str
