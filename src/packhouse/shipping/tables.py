"""The tables of shipping: the account's set-up, shipments, their parcels and the parcels' documents.

They do not refer to orders: an order can be deleted, and its shipments and labels stay.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from packhouse.kit.db.columns import KEPT, CodePointText, Instant, metadata

# What an account ships with: sender addresses, contracts, brands, shipping rules, and one row of settings (its id is
# 0), which also says which of the others are the defaults. One table, because they are needed together, with every
# label call, and so are one read.
shipping_setup = Table(
    "shipping_setup",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", Instant, nullable=False),
    Column("modified_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
)


class SetupRow(NamedTuple):
    """A row of `shipping_setup`."""

    account_id: int
    kind: str
    id: int
    created_at: datetime
    modified_at: datetime
    document: str


# What became of the last test of a contract's connection; `words` are a message as it is kept.
contract_checks = Table(
    "contract_checks",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contract_id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# `id` is for sorting and joining; clients and carriers know a shipment by `uuid`. The document is what the carrier is
# told, as the order was when it was shipped.
shipments = Table(
    "shipments",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("uuid", CodePointText, nullable=False),
    Column("for_order", BigInteger, nullable=False),  # our id of the order, which may be gone; 0 where there was none
    Column("integration_id", BigInteger, nullable=False),
    Column("order_number", CodePointText, nullable=False),
    Column("order_number_folded", CodePointText, nullable=False),
    Column("external_reference_id", CodePointText),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("announced_at", Instant),
    Column("requested_at", Instant),  # since when nobody knows what a carrier that makes labels twice has answered
    # What of the order it was made of (`marks`), and what of that is no longer so: words, by spaces.
    Column("order_mark", Text),
    Column("stale", Text),
    Column("errors", Text, nullable=False),
    Column("document", Text, nullable=False),
    # What labels are counted by: the carrier's name as people read it, and of how many parcels it is.
    Column("carrier", Text, nullable=False, server_default=text("''")),
    Column("parcel_count", Integer, nullable=False, server_default=text("1")),
    Column("erased_at", Instant, info=KEPT),  # when it was made to tell of nobody any more
    # `outgoing`, `return` (from a customer to the account), or `followed` (made elsewhere, known by its number).
    Column("kind", Text, nullable=False, server_default=text("'outgoing'")),
    Index("uq_shipments_uuid", "account_id", "uuid", unique=True),
    Index("ix_shipments_order", "account_id", "for_order"),
    Index("ix_shipments_order_number", "account_id", "order_number_folded", "id"),
    Index("ix_shipments_updated", "account_id", "updated_at"),
    Index("ix_shipments_reference", "account_id", "external_reference_id", "id"),
    # A shipment that is announced directly holds its reference for ever.
    Index(
        "uq_shipments_direct_reference",
        "account_id",
        "external_reference_id",
        unique=True,
        sqlite_where=text("for_order = 0 AND kind = 'outgoing'"),
        postgresql_where=text("for_order = 0 AND kind = 'outgoing'"),
    ),
    # That of a return is free again when it has failed or was cancelled.
    Index(
        "uq_shipments_return_reference",
        "account_id",
        "external_reference_id",
        unique=True,
        sqlite_where=text("kind = 'return' AND state NOT IN ('failed', 'cancelled')"),
        postgresql_where=text("kind = 'return' AND state NOT IN ('failed', 'cancelled')"),
    ),
    Index(
        "ix_shipments_returns",
        "account_id",
        "id",
        sqlite_where=text("kind = 'return'"),
        postgresql_where=text("kind = 'return'"),
    ),
    # Those few that somebody should look at.
    Index(
        "ix_shipments_stale",
        "account_id",
        "id",
        sqlite_where=text("stale IS NOT NULL"),
        postgresql_where=text("stale IS NOT NULL"),
    ),
    # Holds every column that `stats` reads.
    Index("ix_shipments_labels", "account_id", "created_at", "state", "carrier", "parcel_count"),
)

parcels = Table(
    "parcels",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("shipment_id", BigInteger, nullable=False),
    Column("status_code", Text, nullable=False),
    Column("status_message", Text, nullable=False),
    Column("tracking_number", CodePointText),
    Column("tracking_url", Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("tracked_at", Instant),  # when that happened which its carrier told last
    Column("document", Text, nullable=False),
    Index("ix_parcels_shipment", "account_id", "shipment_id"),
    Index("ix_parcels_status", "account_id", "status_code", "shipment_id"),
    Index("ix_parcels_tracking_number", "account_id", "tracking_number"),
)

# Each status that a parcel has had, in the order in which it became known; `at` is when it happened.
parcel_events = Table(
    "parcel_events",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("parcel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("status_code", Text, nullable=False),
    Column("status_message", Text, nullable=False),
)

# `content` is empty where the document lies in a store outside the database; its place there follows from its key.
documents = Table(
    "documents",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("parcel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("size", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("content", LargeBinary),
)


class ShipmentRow(NamedTuple):
    """A row of `shipments`."""

    account_id: int
    id: int
    uuid: str
    for_order: int
    integration_id: int
    order_number: str
    order_number_folded: str
    external_reference_id: str | None
    state: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    announced_at: datetime | None
    requested_at: datetime | None
    order_mark: str | None
    stale: str | None
    errors: str
    document: str
    carrier: str
    parcel_count: int
    erased_at: datetime | None
    kind: str


class ParcelRow(NamedTuple):
    """A row of `parcels`."""

    account_id: int
    id: int
    shipment_id: int
    status_code: str
    status_message: str
    tracking_number: str | None
    tracking_url: str | None
    created_at: datetime
    updated_at: datetime
    tracked_at: datetime | None
    document: str


class DocumentRow(NamedTuple):
    """A row of `documents` without its content."""

    parcel_id: int
    kind: str
    size: str
    mime_type: str
