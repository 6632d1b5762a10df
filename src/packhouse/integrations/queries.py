"""Reads of an account's integrations, of their logs, and of the statuses of their shops."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Select, bindparam, func, select, tuple_

from packhouse.integrations import schema
from packhouse.integrations.tables import (
    LogRow,
    StatusRow,
    integration_logs,
    integrations,
    shop_order_statuses,
)
from packhouse.kit import clock, errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message

_i, _l, _s = integrations.c, integration_logs.c, shop_order_statuses.c


class IntegrationRow(NamedTuple):
    """A row of `integrations`."""

    account_id: int
    id: int
    shop_name: str
    shop_url: str | None
    type: str
    service_point_enabled: bool
    service_point_carriers: str
    status_mapping: str
    webhook_active: bool
    webhook_url: str | None
    feedback_type: str
    started_failing_at: datetime | None
    last_fetched_at: datetime | None
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None


# What a list can be sorted by, each with `-` too; names of shops without regard to the case of ASCII letters.
SORTS: dict[str, ColumnElement[Any]] = {
    "id": _i.id,
    "shop_name": func.lower(_i.shop_name),
    "type": _i.type,
    "created_at": _i.created_at,
    "updated_at": func.coalesce(_i.updated_at, _i.created_at),
    "last_fetched_at": _i.last_fetched_at,
}


async def find_live(tx: Reader, account_id: int, ids: Collection[int]) -> set[int]:
    """Those of `ids` that take orders."""
    keys = [(id,) for id in sorted(ids)]
    found = await tx.find_by_key(account_id, (_i.id, _i.deleted_at), (_i.id,), keys, lock=False)
    return {row.id for row in found if row.deleted_at is None}


async def find_known(tx: Reader, account_id: int, ids: Collection[int]) -> set[int]:
    """Those of `ids` that the account has or had: orders of a deleted integration can still be listed."""
    if not ids:
        return set()
    statement = select(_i.id).where(_i.account_id == account_id, _i.id.in_(sorted(ids)))
    return set(await tx.fetch_values(statement))


async def find_first(tx: Reader, account_id: int) -> int | None:
    statement = select(_i.id).where(_i.account_id == account_id, _i.deleted_at.is_(None))
    found: int | None = await tx.fetch_value(statement.order_by(_i.id).limit(1))
    return found


async def list_ids(tx: Reader, account_id: int) -> list[int]:
    """List the ids of all integrations that the account has or had."""
    statement = select(_i.id).where(_i.account_id == account_id)
    return list(await tx.fetch_values(statement.order_by(_i.id)))


async def list_integrations(tx: Reader, account_id: int, sort: str = "") -> Sequence[IntegrationRow]:
    """The live ones. An unsupported sort means by id; ties are broken by id."""
    statement = select(integrations).where(_i.account_id == account_id, _i.deleted_at.is_(None))
    return await tx.fetch_all(statement.order_by(*_to_order(sort), _i.id), into=IntegrationRow)


def _to_order(sort: str) -> list[ColumnElement[Any]]:
    """What has no value (never fetched) comes last in either direction, on either database."""
    found: dict[str, ColumnElement[Any]] = {}
    for part in sort.split(",") if sort else ():
        name = part.strip().removeprefix("-")
        if name not in SORTS:
            return []
        column = SORTS[name]
        found.setdefault(name, (column.desc() if part.strip().startswith("-") else column.asc()).nulls_last())
    return list(found.values())


_FIND = select(integrations).where(
    _i.account_id == bindparam("account"), _i.id == bindparam("id"), _i.deleted_at.is_(None)
)
_FIND_TO_CHANGE = _FIND.with_for_update()


async def find_integration(tx: Reader, account_id: int, id: int, *, lock: bool = False) -> IntegrationRow | None:
    """A live one, or None."""
    statement = _FIND_TO_CHANGE if lock else _FIND
    return await tx.fetch_one(statement, {"account": account_id, "id": id}, into=IntegrationRow)


async def list_some(tx: Reader, account_id: int, ids: Collection[int]) -> Sequence[IntegrationRow]:
    """Those of them that are live."""
    some = select(integrations).where(_i.account_id == account_id, _i.id.in_(sorted(ids)), _i.deleted_at.is_(None))
    return await tx.fetch_all(some, into=IntegrationRow)


async def get_integration(tx: Reader, account_id: int, id: int, *, lock: bool = False) -> IntegrationRow:
    """A live one. Raises NotFound."""
    return errors.require(await find_integration(tx, account_id, id, lock=lock), no_such_integration(id))


def no_such_integration(id: int | str) -> errors.ErrorItem:
    return errors.not_found(message("The account has no integration {id}.", id=id))


def to_wire(row: IntegrationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "shop_name": row.shop_name,
        "shop_url": row.shop_url,
        "type": row.type,
        "service_point_enabled": row.service_point_enabled,
        "service_point_carriers": orjson.loads(row.service_point_carriers),
        "webhook_active": row.webhook_active,
        "webhook_url": row.webhook_url,
        "feedback_type": row.feedback_type,
        "started_failing_at": _to_time(row.started_failing_at),
        "last_fetched_at": _to_time(row.last_fetched_at),
        "created_at": _to_time(row.created_at),
        "updated_at": _to_time(row.updated_at or row.created_at),
    }


def _to_time(instant: Any) -> str | None:
    return None if instant is None else clock.to_wire(instant)


class LogPage(NamedTuple):
    """`previous` is an empty text where the page before is the first."""

    rows: Sequence[LogRow]
    previous: str | None
    next: str | None


async def list_logs(
    tx: Reader, account_id: int, integration_id: int | None, cursor: schema.LogCursor | None, size: int
) -> LogPage:
    """Newest first; of one integration, or of all. Two statements at any size."""
    statement = select(integration_logs).where(_l.account_id == account_id)
    if integration_id is not None:
        statement = statement.where(_l.integration_id == integration_id)
    older = statement.order_by(_l.created_at.desc(), _l.id.desc()).limit(size + 1)
    rows = await tx.fetch_all(older if cursor is None else older.where(_before(cursor)), into=LogRow)
    shown = rows[:size]
    ahead = schema.LogCursor(shown[-1].created_at, shown[-1].id).encode() if len(rows) > size else None
    behind = None if cursor is None else await _find_previous(tx, statement, cursor, size)
    return LogPage(shown, behind, ahead)


def _before(cursor: schema.LogCursor) -> ColumnElement[bool]:
    if cursor.id is None:
        return _l.created_at < cursor.at
    return tuple_(_l.created_at, _l.id) < tuple_(cursor.at, cursor.id, types=[_l.created_at.type, _l.id.type])


async def _find_previous(tx: Reader, statement: Select[Any], cursor: schema.LogCursor, size: int) -> str | None:
    """The place before which the previous page begins: `size` entries nearer to now than this page."""
    newer = statement.where(~_before(cursor)).order_by(_l.created_at, _l.id).limit(size + 1)
    rows = await tx.fetch_all(newer)
    if not rows:
        return None
    return schema.LogCursor(rows[-1].created_at, rows[-1].id).encode() if len(rows) > size else ""


def to_log(row: LogRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "integration_id": row.integration_id,
        **orjson.loads(row.document),
        "created_at": clock.to_wire(row.created_at),
        "protected": row.protected,
    }


async def list_statuses(
    tx: Reader, account_id: int, integration_id: int, *, show_deleted: bool = False
) -> Sequence[StatusRow]:
    """In the shop's own order, deleted ones last."""
    statement = select(shop_order_statuses).where(_s.account_id == account_id, _s.integration_id == integration_id)
    if not show_deleted:
        statement = statement.where(_s.deleted_at.is_(None))
    order = (_s.deleted_at.nulls_first(), _s.position, _s.external_id)
    return await tx.fetch_all(statement.order_by(*order), into=StatusRow)


def to_status(row: StatusRow, language: str | None) -> dict[str, Any]:
    """`status` is in the language asked for, else in English, else in the first that there is."""
    translations = orjson.loads(row.translations)
    by_language = {translation["language"]: translation["status"] for translation in translations}
    wanted = [by_language[name] for name in (language, "en-us", "en-gb") if name in by_language]
    return {
        "external_id": row.external_id,
        "status": wanted[0] if wanted else translations[0]["status"],
        "deleted_at": _to_time(row.deleted_at),
        "translations": translations,
    }


async def find_mapping(tx: Reader, account_id: int, integration: IntegrationRow) -> list[dict[str, Any]]:
    """All four categories; what names a status that the shop no longer has is not valid."""
    mapped = {entry["status_category"]: entry["external_id"] for entry in orjson.loads(integration.status_mapping)}
    known = {row.external_id for row in await list_statuses(tx, account_id, integration.id)}
    return [
        {
            "status_category": category,
            "external_id": mapped.get(category),
            "is_valid": mapped.get(category) is None or mapped[category] in known,
        }
        for category in schema.CATEGORIES
    ]
