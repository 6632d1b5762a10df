"""Reads of rate tables."""

from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

import orjson
from sqlalchemy import func, select

from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.shipping.rates import pricing, schema
from packhouse.shipping.rates.tables import rate_tables

_r = rate_tables.c


class TableRow(NamedTuple):
    """A row of `rate_tables`."""

    account_id: int
    id: int
    name: str
    valid_from: str
    created_at: datetime
    document: str


async def list_in_force(tx: Reader, account_id: int, day: date) -> list[pricing.Table]:
    """Return the newest version of each name that has begun, the newest first."""
    begun = (_r.account_id == account_id, _r.valid_from <= day.isoformat())
    newest = select(_r.name, func.max(_r.valid_from).label("valid_from")).where(*begun).group_by(_r.name).subquery()
    same = (_r.name == newest.c.name) & (_r.valid_from == newest.c.valid_from)
    statement = select(_r.id, _r.document).join(newest, same).where(_r.account_id == account_id)
    rows = await tx.fetch_all(statement)
    return pricing.find_in_force((_to_table(row.id, row.document) for row in rows), day)


@lru_cache(maxsize=16)
def _to_table(id: int, document: str) -> pricing.Table:
    """Cache the table: reading five thousand rows takes some 20 ms, and every opened order needs its prices."""
    return schema.to_table(id, orjson.loads(document))


async def list_tables(tx: Reader, account_id: int) -> list[TableRow]:
    """List all tables of an account, by name and date."""
    statement = select(rate_tables).where(_r.account_id == account_id)
    return await tx.fetch_all(statement.order_by(_r.name, _r.valid_from, _r.id), into=TableRow)


async def get_table(tx: Reader, account_id: int, id: int) -> TableRow:
    """Raises NotFound."""
    row = await tx.fetch_one(select(rate_tables).where(_r.account_id == account_id, _r.id == id), into=TableRow)
    return errors.require(row, no_such_table())


def no_such_table() -> errors.ErrorItem:
    return errors.not_found(message("There is no such rate table."))
