"""Integrations: made, changed, deleted; what went wrong with them; the statuses of their shops."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, select, update

from packhouse.integrations import events, queries
from packhouse.integrations.queries import IntegrationRow
from packhouse.integrations.tables import integration_logs, integrations, shop_order_statuses
from packhouse.kit import clock, errors
from packhouse.kit.db import Transaction
from packhouse.kit.encryption import Encryptor
from packhouse.kit.messages import message
from packhouse.webhooks import keys as webhook_keys
from packhouse.webhooks import operations as webhooks

_MAX_ID = 2**53 - 1  # past it, a client that reads numbers as doubles sees another id

# How a log entry looks where nothing was said.
_LOG: dict[str, Any] = {
    "base_url": "",
    "full_url": None,
    "method": "",
    "response_code": None,
    "response": None,
    "request": None,
    "exception_type": None,
    "exception": None,
    "additional_data": "",
}


async def create_integration(
    tx: Transaction,
    account_id: int,
    shop_name: str,
    *,
    now: datetime,
    id: int | None = None,
    encryptor: Encryptor | None = None,
    **fields: Any,
) -> int:
    """The id of the new integration: the one asked for, or the next. Raises Invalid for an id that the account has.

    The signing key of its webhook is made with it; where this server keeps no secrets yet, when it is first asked for.
    """
    if not shop_name.strip() or "\0" in shop_name:
        raise errors.Invalid(errors.ErrorItem("required", message("An integration needs a shop name.")))
    if id is None:
        [id] = await tx.next_ids("integrations", 1)
    else:
        await _reserve(tx, account_id, id)
    row = {"account_id": account_id, "id": id, "shop_name": shop_name, "created_at": now, "updated_at": now}
    await tx.execute(insert(integrations).values({**row, **_to_columns(fields)}))
    if fields.get("webhook_active"):
        made = await queries.get_integration(tx, account_id, id)
        await events.publish(tx, made, events.CONNECTED, now=now)
    if encryptor is not None and encryptor.has_key:
        connection = await webhooks.keep_of_integration(tx, account_id, id, now=now)
        await webhook_keys.keep(tx, encryptor, connection, now=now)
    return id


async def _reserve(tx: Transaction, account_id: int, id: int) -> None:
    if not 1 <= id <= _MAX_ID:
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("An integration's id lies between 1 and {max_id}.", max_id=_MAX_ID))
        )
    taken = select(integrations.c.id).where(integrations.c.account_id == account_id, integrations.c.id == id)
    if await tx.fetch_one(taken):
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("The account has, or had, an integration {id}.", id=id))
        )
    await tx.keep_above("integrations", id)


def _to_columns(fields: dict[str, Any]) -> dict[str, Any]:
    lists = {name: orjson.dumps(value).decode() for name, value in fields.items() if isinstance(value, list)}
    return {**fields, **lists}


async def update_integration(
    tx: Transaction, account_id: int, id: int, fields: dict[str, Any], *, now: datetime
) -> bool:
    """Whether anything differs from before; nothing is written where it does not. Raises NotFound."""
    row = await queries.get_integration(tx, account_id, id, lock=True)
    changed = {name: value for name, value in _to_columns(fields).items() if getattr(row, name) != value}
    if changed:
        here = (integrations.c.account_id == account_id, integrations.c.id == id)
        await tx.execute(update(integrations).where(*here).values({**changed, "updated_at": now}))
        await events.publish(tx, await queries.get_integration(tx, account_id, id), events.UPDATED, now=now)
    return bool(changed)


async def delete_integration(tx: Transaction, account_id: int, id: int, *, now: datetime) -> None:
    """Its orders stay readable, new ones are refused. Raises NotFound."""
    row = await queries.get_integration(tx, account_id, id, lock=True)
    here = (integrations.c.account_id == account_id, integrations.c.id == id)
    await tx.execute(update(integrations).where(*here).values(deleted_at=now))
    await events.publish(tx, row, events.DELETED, now=now)


async def append_log(
    tx: Transaction,
    account_id: int,
    integration_id: int | None,
    entry: dict[str, Any],
    *,
    now: datetime,
    protected: bool = True,
) -> dict[str, Any]:
    """The entry as it is read back. `entry` holds `base_url` and what else is known, in the words of `schema.NewLog`;
    `protected` marks what the server itself has seen, beside what a client told."""
    [id] = await tx.next_ids("integration_logs", 1)
    said = {name: value for name, value in entry.items() if value is not None}
    at = said.pop("created_at", None)
    row: dict[str, Any] = {
        "account_id": account_id,
        "id": id,
        "integration_id": integration_id,
        "created_at": clock.from_wire(at) if at else now,
        "protected": protected,
    }
    document = {**_LOG, **said}
    await tx.execute(insert(integration_logs).values({**row, "document": orjson.dumps(document).decode()}))
    return {
        "id": id,
        "integration_id": integration_id,
        **document,
        "created_at": clock.to_wire(row["created_at"]),
        "protected": protected,
    }


async def replace_statuses(
    tx: Transaction, account_id: int, integration_id: int, statuses: list[dict[str, Any]], *, now: datetime
) -> None:
    """These are the shop's statuses from now on; one that is not among them is marked as deleted."""
    table = shop_order_statuses
    here = (table.c.account_id == account_id, table.c.integration_id == integration_id)
    named = [status["external_id"] for status in statuses]
    gone = update(table).where(*here, table.c.deleted_at.is_(None), table.c.external_id.not_in(named))
    await tx.execute(gone.values(deleted_at=now))
    await tx.execute(delete(table).where(*here, table.c.external_id.in_(named)))
    rows = [
        {
            "account_id": account_id,
            "integration_id": integration_id,
            "external_id": status["external_id"],
            "position": position,
            "translations": orjson.dumps(status["translations"]).decode(),
        }
        for position, status in enumerate(statuses)
    ]
    if rows:
        await tx.execute(insert(table), rows)


async def replace_mapping(
    tx: Transaction, account_id: int, integration: IntegrationRow, mapping: list[dict[str, Any]]
) -> None:
    """Raises Invalid for statuses that the shop has not."""
    known = {row.external_id for row in await queries.list_statuses(tx, account_id, integration.id)}
    strange = [
        errors.ErrorItem(
            "invalid_choice",
            message(
                "Select a valid choice. {external_id} is not one of the available choices.",
                external_id=entry["external_id"],
            ),
            title="Invalid Choice",
            pointer=errors.to_pointer(("mapping", index, "external_id")),
        )
        for index, entry in enumerate(mapping)
        if entry["external_id"] is not None and entry["external_id"] not in known
    ]
    if strange:
        raise errors.Invalid(strange)
    here = (integrations.c.account_id == account_id, integrations.c.id == integration.id)
    await tx.execute(update(integrations).where(*here).values(status_mapping=orjson.dumps(mapping).decode()))
