"""`packhouse deliveries` and `packhouse connections`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.choices import DELIVERY_STATUSES
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse import context
    from packhouse.accounts import queries as account_queries
    from packhouse.kit import clock, errors, messages
    from packhouse.kit.wire import pagination
    from packhouse.webhooks import keys, operations, queries

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.kit.db import Reader, Transaction
    from packhouse.kit.encryption import Encryptor
    from packhouse.webhooks.keys import Keys
    from packhouse.webhooks.queries import ConnectionRow

deliveries = Commands("Deliveries of webhooks and their answers.")

connections = Commands("Receivers of webhooks, including those of integrations.")

_SHOWN = ("id", "status", "event_type", "subject", "connection_id", "attempts", "status_code", "error", "due_at")


@deliveries.command("list")
def list_deliveries(
    account: AccountName,
    status: Annotated[str | None, typer.Option(help=f"Only these: {', '.join(DELIVERY_STATUSES)}.")] = None,
    connection: Annotated[int | None, typer.Option(help="Only deliveries to this receiver.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The maximum number, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show an account's deliveries, newest first."""
    if status is not None and status not in DELIVERY_STATUSES:
        terminal.fail(f"The status is one of {', '.join(DELIVERY_STATUSES)}.")

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        page = await queries.list_deliveries(
            tx, owner.account_id, pagination.Cursor(), limit, status=status, connection_id=connection
        )
        return [queries.delivery_to_wire(row) for row in page.rows]

    found = terminal.read(account, work)
    terminal.show(found if as_json else [{n: row[n] for n in _SHOWN} for row in found], as_json=as_json)


@deliveries.command("show")
def show_delivery(id: int, account: AccountName, as_json: AsJson = False) -> None:
    """Show one delivery, with its body and its answer."""

    async def work(tx: Reader, owner: AccountRow) -> dict[str, Any]:
        row = await queries.get_delivery(tx, owner.account_id, id)
        return queries.delivery_to_wire(row, whole=True)

    terminal.show_one(terminal.read(account, work), as_json=as_json)


@deliveries.command("replay")
def replay_deliveries(
    account: AccountName,
    ids: Annotated[list[int] | None, typer.Argument(help="The ids of deliveries.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that have failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send deliveries again with the same ids, whatever their status; a worker does it."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        chosen = await queries.find_failed(tx, owner.account_id) if failed else ids or []
        if not chosen:
            raise errors.NotFound(messages.message("There is no delivery to send again."))
        await operations.replay_deliveries(tx, owner.account_id, chosen, now=clock.now())
        return {"replayed": len(chosen)}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@connections.command("list")
def list_connections(account: AccountName, as_json: AsJson = False) -> None:
    """Show an account's receivers, and which of them fail or are paused."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        return [
            {
                "id": row.id,
                "integration_id": row.integration_id,
                "name": queries.to_name(row),
                "failing_since": row.failing_since,
                "paused_at": row.paused_at,
                "slow_since": row.slow_since,
                "key_switches_at": row.key_switches_at,
                "held": await queries.count_held(tx, owner.account_id, row.id),
            }
            for row in await queries.list_all_connections(tx, owner.account_id)
        ]

    terminal.show(terminal.read(account, work), as_json=as_json)


@connections.command("resume")
def resume_connection(id: int, account: AccountName, as_json: AsJson = False) -> None:
    """Resume a paused receiver; it gets the events that happened meanwhile."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        row = await queries.find_connection(tx, owner.account_id, id)
        if row is None:
            raise errors.NotFound(messages.message("There is no such connection."))
        held = await queries.count_held(tx, owner.account_id, id)
        await operations.resume_by_hand(tx, row, now=clock.now(), actor="command:connections resume")
        return {"resumed": queries.to_name(row), "sent_again": held}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


_WorkOnKeys: TypeAlias = "Callable[[Transaction, Encryptor, Any], Awaitable[Keys]]"


def _work_on_keys(id: int, account: str, work: _WorkOnKeys, *, as_json: bool) -> None:
    async def run() -> dict[str, Any]:
        settings = terminal.load_settings()
        async with terminal.open_database(settings) as db:

            async def change(tx: Transaction) -> dict[str, Any]:
                owner = await account_queries.get_account(tx, account)
                row = await queries.find_connection(tx, owner.account_id, id)
                if row is None:
                    raise errors.NotFound(messages.message("There is no such connection."))
                live = await work(tx, context.open_encryptor(settings, db), row)
                return {"signing_key": live.current, "next_signing_key": live.next, "switches_at": live.switches_at}

            return await db.write(change)

    terminal.show_one(terminal.run(run()), as_json=as_json)


@connections.command("key")
def show_signing_key(id: int, account: AccountName, as_json: AsJson = False) -> None:
    """Show a receiver's signing key, and the next one."""
    _work_on_keys(
        id, account, lambda tx, encryptor, row: keys.keep(tx, encryptor, row, now=clock.now()), as_json=as_json
    )


@connections.command("rotate")
def rotate_signing_key(id: int, account: AccountName, as_json: AsJson = False) -> None:
    """Create the next signing key, which takes over when you activate it or after seven days."""

    def work(tx: Transaction, encryptor: Encryptor, row: ConnectionRow) -> Awaitable[Keys]:
        return keys.rotate(tx, encryptor, row, now=clock.now(), actor="command:connections rotate")

    _work_on_keys(id, account, work, as_json=as_json)


@connections.command("activate")
def activate_signing_key(id: int, account: AccountName, as_json: AsJson = False) -> None:
    """Sign with the next signing key from now on."""

    def work(tx: Transaction, encryptor: Encryptor, row: ConnectionRow) -> Awaitable[Keys]:
        return keys.activate(tx, encryptor, row, now=clock.now(), actor="command:connections activate")

    _work_on_keys(id, account, work, as_json=as_json)
