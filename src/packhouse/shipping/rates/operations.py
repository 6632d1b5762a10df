"""Rate tables are made and deleted; a new price is a new version, so that what was quoted can be told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert

from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.shipping.rates import queries
from packhouse.shipping.rates.tables import rate_tables

MAX_TABLES = 200
_r = rate_tables.c


async def create_table(tx: Transaction, account_id: int, document: Mapping[str, Any], *, now: datetime) -> int:
    """Its id. A version of the same name and date is replaced. Raises Invalid where the account has too many."""
    same = (_r.account_id == account_id, _r.name == document["name"], _r.valid_from == document["valid_from"])
    await tx.execute(delete(rate_tables).where(*same))
    if len(await queries.list_tables(tx, account_id)) >= MAX_TABLES:
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("An account has at most {most} rate tables.", most=MAX_TABLES))
        )
    [id] = await tx.next_ids("rate_tables", 1)
    row = {"account_id": account_id, "id": id, "name": document["name"], "valid_from": document["valid_from"]}
    row |= {"created_at": now, "document": orjson.dumps(document).decode()}
    await tx.execute(insert(rate_tables).values(row))
    return id


async def delete_table(tx: Transaction, account_id: int, id: int) -> None:
    """Raises NotFound."""
    if not await tx.change(delete(rate_tables).where(_r.account_id == account_id, _r.id == id)):
        raise errors.NotFound(queries.no_such_table())
