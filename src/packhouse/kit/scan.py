"""Reads all rows of an account in a table in parts, in the order of their key. Each part is a query of its own, so that
a long scan holds no snapshot and blocks nobody."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar, cast, overload

from sqlalchemy import Column, ColumnElement, Row, and_, or_, select

from packhouse.kit.db import Database

PART = 200

T = TypeVar("T")


@overload
def walk(
    db: Database,
    account_id: int,
    key: Sequence[Column[Any]],
    columns: Sequence[ColumnElement[Any]],
    *conditions: ColumnElement[bool],
    size: int = PART,
) -> AsyncIterator[Sequence[Row[*tuple[Any, ...]]]]: ...


@overload
def walk(
    db: Database,
    account_id: int,
    key: Sequence[Column[Any]],
    columns: Sequence[ColumnElement[Any]],
    *conditions: ColumnElement[bool],
    into: Callable[..., T],
    size: int = PART,
) -> AsyncIterator[Sequence[T]]: ...


async def walk(
    db: Database,
    account_id: int,
    key: Sequence[Column[Any]],
    columns: Sequence[ColumnElement[Any]],
    *conditions: ColumnElement[bool],
    into: Callable[..., Any] | None = None,
    size: int = PART,
) -> AsyncIterator[Sequence[Any]]:
    """Yield the rows in parts. `key` names the columns of the primary key behind the account. Rows hold these and then
    `columns`; with `into` they are made NamedTuples."""
    of_account = key[0].table.c.account_id == account_id
    statement = select(*key, *(column for column in columns if column not in set(key)))
    statement = statement.where(of_account, *conditions).order_by(*key).limit(size)
    after: Sequence[Any] | None = None
    while True:
        asked = statement if after is None else statement.where(_is_past(key, after))
        async with db.read() as tx:
            rows = await tx.fetch_all(asked)
        if rows:
            yield rows if into is None else [into(*row) for row in rows]
        if len(rows) < size:
            return
        after = rows[-1][: len(key)]
        await asyncio.sleep(0)


def _is_past(key: Sequence[Column[Any]], after: Sequence[Any]) -> ColumnElement[bool]:
    """Compare the first column by itself too, so that both databases start reading the index there."""
    first, *rest = key
    if not rest:
        return cast("ColumnElement[bool]", first > after[0])
    further: ColumnElement[bool] = or_(first > after[0], _is_past(rest, after[1:]))
    return and_(first >= after[0], further)
