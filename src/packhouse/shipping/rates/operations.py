"""Creates and deletes rate tables. A new price is a new version, so that former quotes can be explained."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert

from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.shipping.rates import queries, schema
from packhouse.shipping.rates.tables import rate_tables

MAX_TABLES = 200
_r = rate_tables.c


async def create_table(tx: Transaction, account_id: int, document: Mapping[str, Any], *, now: datetime) -> int:
    """Return the id of the new table. It replaces a version with the same name and date. Raises Invalid if the account
    has too many."""
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


async def revise_table(
    tx: Transaction, account_id: int, id: int, rows: Sequence[Mapping[str, Any]], *, valid_from: date, now: datetime
) -> int:
    """Return the id of the version with these rows, valid from that day: a new version, or a replacement of the one of
    the same day. Raises NotFound, Invalid, and Conflict if a newer version than the changed one would be lost or
    skipped."""
    row = await queries.get_table(tx, account_id, id)
    if valid_from.isoformat() < row.valid_from:
        detail = message("The changed version is valid from {day}: choose no earlier date.", day=row.valid_from)
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("valid_from",))))
    for other in await queries.list_tables(tx, account_id):
        is_between = other.name == row.name and row.valid_from < other.valid_from <= valid_from.isoformat()
        if is_between:
            detail = message("There is a newer version, from {day}: change that one.", day=other.valid_from)
            raise errors.Conflict(errors.ErrorItem("conflict", detail))
    document = {**orjson.loads(row.document), "rows": list(rows), "valid_from": valid_from.isoformat()}
    schema.require_whole(document)
    return await create_table(tx, account_id, document, now=now)


async def delete_table(tx: Transaction, account_id: int, id: int) -> None:
    """Raises NotFound."""
    if not await tx.change(delete(rate_tables).where(_r.account_id == account_id, _r.id == id)):
        raise errors.NotFound(queries.no_such_table())
