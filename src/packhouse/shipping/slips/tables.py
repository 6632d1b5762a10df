"""How an account's packing slips look.

A row for all shops (`integration_id` 0) and one for each shop that has slips of its own. `logo` is empty where it lies
in a store outside the database; its place there follows from `logo_digest`.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from packhouse.kit.db.columns import Instant, metadata

slip_designs = Table(
    "slip_designs",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("integration_id", BigInteger, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("logo_digest", Text),
    Column("logo", LargeBinary),
    Column("modified_at", Instant, nullable=False),
)


class DesignRow(NamedTuple):
    """A row of `slip_designs`."""

    account_id: int
    integration_id: int
    document: str
    logo_digest: str | None
    logo: bytes | None
    modified_at: datetime
