"""An order at rest: its document as accepted, beside the few values that we filter, sort or join by."""

from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from packhouse.kit import clock
from packhouse.kit.db.columns import KEPT, SHARED, CodePointText, Instant, metadata
from packhouse.orders import schema

_INCOMING = text("live_shipments = 0")
_SHIPPED = text("live_shipments > 0")

_KINDS = ("integration_id", "status_folded")
_DATES = ("order_created_at", "order_updated_at")
# With the column of their condition, which a database may look up in the row else.
_OF_LABELS = (*_KINDS, "order_updated_at", "live_shipments")

orders = Table(
    "orders",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("integration_id", BigInteger, nullable=False, info=SHARED),
    Column("order_id", CodePointText, nullable=False),
    Column("order_number", CodePointText, nullable=False),
    # Filters compare without regard to case; folding here makes every database agree on what that means.
    Column("order_id_folded", CodePointText, nullable=False),
    Column("order_number_folded", CodePointText, nullable=False),
    Column("status_folded", CodePointText, nullable=False),
    Column("order_created_at", Instant, nullable=False),
    Column("order_updated_at", Instant, nullable=False),
    Column("version", Integer, nullable=False, info=SHARED),
    Column("created_at", Instant, nullable=False, info=SHARED),
    Column("created_by", Text, nullable=False, info=SHARED),
    Column("modified_at", Instant, nullable=False, info=SHARED),
    Column("document", Text, nullable=False),
    # Shipments that are neither cancelled nor failed; shipping counts them, and no upsert touches the count.
    Column("live_shipments", Integer, nullable=False, server_default=text("0"), info=KEPT),
    # The version that erasure left; an order that its shop has changed since is an ordinary one again.
    Column("erased_version", Integer, info=KEPT),
    Index("uq_orders_key", "account_id", "integration_id", "order_id", unique=True),
    Index("ix_orders_order_id", "account_id", "order_id_folded", "id"),
    Index("ix_orders_order_number", "account_id", "order_number_folded", "id"),
    # Each of the following also ends with what else narrows a list, so that `paths` reads indexes and no documents.
    Index("ix_orders_pk", "account_id", "id", *_KINDS, *_DATES),
    Index("ix_orders_integration", "account_id", "integration_id", "id", "status_folded", *_DATES),
    Index("ix_orders_status", "account_id", "status_folded", "id", "integration_id", *_DATES),
    Index("ix_orders_created", "account_id", "order_created_at", "id", *_KINDS, "order_updated_at"),
    Index("ix_orders_updated", "account_id", "order_updated_at", "id", *_KINDS, "order_created_at"),
    Index("ix_orders_number", "account_id", "order_number", "id", "integration_id"),
    Index(
        "ix_orders_incoming",
        "account_id",
        "id",
        "order_created_at",
        *_OF_LABELS,
        postgresql_where=_INCOMING,
        sqlite_where=_INCOMING,
    ),
    # Written when a label is made, not when an order comes.
    Index(
        "ix_orders_shipped",
        "account_id",
        "order_created_at",
        "id",
        *_OF_LABELS,
        postgresql_where=_SHIPPED,
        sqlite_where=_SHIPPED,
    ),
)

# How many orders there are of a kind (`counts`), and by how many that was changed since a worker added it up.
order_counts = Table(
    "order_counts",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("integration_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status_folded", CodePointText, primary_key=True),
    Column("is_shipped", Integer, primary_key=True, autoincrement=False),
    Column("total", BigInteger, nullable=False),
)

order_count_changes = Table(
    "order_count_changes",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("integration_id", BigInteger, nullable=False),
    Column("status_folded", CodePointText, nullable=False),
    Column("is_shipped", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
)

# What happened to an order, a row a version. The first version's row is written when the order is deleted: until then
# the order's own row says when and by whom it was made, so that a create writes one row.
order_history = Table(
    "order_history",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, info=SHARED),
    Column("action", Text, nullable=False, info=SHARED),
    Column("at", Instant, nullable=False, info=SHARED),
    Column("by", Text, nullable=False, info=SHARED),
    Column("changes", Text, nullable=False),
)


class OrderRow(NamedTuple):
    """A row of `orders`."""

    account_id: int
    id: int
    integration_id: int
    order_id: str
    order_number: str
    order_id_folded: str
    order_number_folded: str
    status_folded: str
    order_created_at: datetime
    order_updated_at: datetime
    version: int
    created_at: datetime
    created_by: str
    modified_at: datetime
    document: str
    live_shipments: int
    erased_version: int | None


class HistoryRow(NamedTuple):
    """A row of `order_history`."""

    account_id: int
    id: int
    version: int
    action: str
    at: datetime
    by: str
    changes: str


# What orders are found by (`search`), written by the worker. `placed_at` makes a term's orders stand newest last.
order_terms = Table(
    "order_terms",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("term", CodePointText, primary_key=True),
    Column("placed_at", Instant, primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_order_terms_id", "account_id", "id"),
    sqlite_with_rowid=False,
)

# Serial numbers that were scanned into an order: an article's serial is in one order at a time. `folded` is what two
# are compared by, `article` the item's GTIN or its folded SKU.
packed_serials = Table(
    "packed_serials",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("folded", CodePointText, primary_key=True),
    Column("article", CodePointText, primary_key=True),
    Column("serial", Text, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("order_number", CodePointText, nullable=False),
    Column("packed_at", Instant, nullable=False),
    Index("ix_packed_serials_order", "account_id", "order_id"),
)

# Orders that people delete on the page, until `due_at` (`deletions`): how each was when it was to be deleted.
order_deletions = Table(
    "order_deletions",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("due_at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("live_shipments", Integer, nullable=False),
    # Why the order was not deleted, once that is so: `changed` or `shipped`.
    Column("kept", Text),
)

# Files that people put in on the page (`uploads`), and their records in parts, until they are stored. `counts` is what
# became of the records of the parts that are done.
imports = Table(
    "imports",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("file_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("done_parts", Integer, nullable=False),
    Column("counts", Text, nullable=False),
    Column("broken_line", Integer),
    Column("broken_detail", Text),
    # Where the last record begins that was read, checked or stored, whatever is being done.
    Column("reached_line", Integer),
    # What the file was found to be (`uploads.About`), and the hash of its bytes.
    Column("about", Text),
    Column("content_hash", Text),
)

import_parts = Table(
    "import_parts",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("import_id", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("faults", Text, nullable=False),
    Column("warned", Integer, nullable=False, server_default=text("0")),
    Column("warnings", Text, nullable=False, server_default=text("'[]'")),
)

# Files that were imported whole, by the hash of their bytes and how they were read: so that one is known again.
imported_files = Table(
    "imported_files",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("content_hash", Text, primary_key=True),
    Column("options", Text, primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("imported_at", Instant, nullable=False),
    Column("imported_by", Text, nullable=False),
)


class ImportedFileRow(NamedTuple):
    """A row of `imported_files`."""

    account_id: int
    content_hash: str
    options: str
    file_name: str
    imported_at: datetime
    imported_by: str


# Views of the order list under a name: of the account where `owner` is empty, else of one person. `query` is the list's
# URL without its page.
saved_views = Table(
    "saved_views",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", Text, primary_key=True),
    Column("name", CodePointText, primary_key=True),
    Column("query", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
)

# Mappings of an account's own (`files.mapping`), as TOML.
import_mappings = Table(
    "import_mappings",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", Text, nullable=False),
)


class MappingRow(NamedTuple):
    """A row of `import_mappings`."""

    account_id: int
    name: str
    content: str
    changed_at: datetime
    changed_by: str


def to_row(document: dict[str, Any], **columns: Any) -> dict[str, Any]:
    """The one place where a value of the document is promoted to a column.

    An order that its shop never updated counts as last updated when it was created.
    """
    details = document["order_details"]
    order_id, order_number, created_at = document["order_id"], document["order_number"], details["order_created_at"]
    return {
        **columns,
        "integration_id": schema.to_integration_id(details["integration"]["id"]),
        "order_id": order_id,
        "order_number": order_number,
        "order_id_folded": order_id.casefold(),
        "order_number_folded": order_number.casefold(),
        "status_folded": details["status"]["code"].casefold(),
        "order_created_at": created_at,
        "order_updated_at": details.get("order_updated_at", created_at),
        "document": orjson.dumps(document).decode(),
    }


def to_wire(
    id: int, created_at: datetime | str, modified_at: datetime | str, document: str, *, id_is_text: bool
) -> str:
    """The order as JSON text: what we add to it is written before the document, which is never parsed."""
    shown = f'"{id}"' if id_is_text else id
    made, changed = clock.to_wire(created_at), clock.to_wire(modified_at)
    return f'{{"id":{shown},"created_at":"{made}","modified_at":"{changed}",{document[1:]}'
