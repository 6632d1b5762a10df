"""`packhouse shipping` and `packhouse parcels`: what an account ships with, and where its parcels are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.choices import SETUP_KINDS
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse import context
    from packhouse.accounts import queries as accounts
    from packhouse.kit import clock
    from packhouse.kit.wire import validation
    from packhouse.shipping import dry_run, operations, statuses
    from packhouse.shipping.rates import operations as rates
    from packhouse.shipping.rates import queries as rate_queries
    from packhouse.shipping.rates import schema as rate_schema
    from packhouse.shipping.setup import setup, setup_schema

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.kit.db import Database, Reader, Transaction
    from packhouse.shipping.setup.setup_schema import Kind

shipping = Commands("What an account ships with: addresses, contracts, brands, rules.")
parcels = Commands("Parcels on their way.")

KindName = Annotated[str, typer.Argument(help=f"One of {', '.join(SETUP_KINDS)}.")]
Fields = Annotated[
    list[str] | None, typer.Argument(help='`city=Utrecht` is a text, `is_active:=false` and `tags:=["a"]` are JSON.')
]


def _to_kind(name: str) -> Kind:
    paths = {kind.path: kind for kind in setup_schema.KINDS.values()}
    if name not in paths:
        terminal.fail(f"There is no kind {name!r}: it is one of {', '.join(SETUP_KINDS)}.")
    return paths[name]


def _read_fields(fields: list[str] | None) -> dict[str, Any]:
    """`conditions.countries:=["NL"]` goes into an object inside."""
    made: dict[str, Any] = {}
    for field in fields or ():
        path, equals, value = field.partition("=")
        if not equals:
            terminal.fail(f"A field is written name=value, not {field!r}.")
        is_json = path.endswith(":")
        *outer, name = path.removesuffix(":").split(".")
        place = made
        for step in outer:
            place = place.setdefault(step, {})
        place[name] = _read_json(value) if is_json else value
    return made


def _read_json(value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        terminal.fail(f"This is no JSON: {value}")


async def _show(db: Database, account_id: int, kind: Kind, id: int) -> dict[str, Any]:
    found = await setup.read_setup(db, account_id, now=clock.now())
    return setup.show_item(found, kind, id)


@shipping.command("list")
def list_items(kind: KindName, account: AccountName, as_json: AsJson = False) -> None:
    """List all items of a kind."""
    wanted = _to_kind(kind)

    async def work() -> list[dict[str, Any]]:
        async with terminal.open_database(terminal.load_settings()) as db:
            async with db.read() as tx:
                owner = await accounts.get_account(tx, account)
            found = await setup.read_setup(db, owner.account_id, now=clock.now())
            return [setup.show_item(found, wanted, id) for id in found.ids(wanted)]

    rows = terminal.run(work())
    names = list(dict.fromkeys(name for row in rows for name in row))
    terminal.show(rows if as_json else [{name: row.get(name) for name in names} for row in rows], as_json=as_json)


@shipping.command("add")
def create_item(kind: KindName, account: AccountName, fields: Fields = None, as_json: AsJson = False) -> None:
    """Create an item: packhouse shipping add brands --account teashop name="Tea & Co"."""
    wanted, sent = _to_kind(kind), _read_fields(fields)

    async def work() -> dict[str, Any]:
        settings = terminal.load_settings()
        async with terminal.open_database(settings) as db:
            encryptor = context.open_encryptor(settings, db)
            reading = validation.read_json(wanted.shape, orjson.dumps(sent))
            setup.refuse_flaws(reading.flaws)

            async def work(tx: Transaction) -> tuple[Any, int]:
                owner = await accounts.get_account(tx, account)
                id = await setup.create_item(tx, encryptor, owner.account_id, wanted, reading.value, now=clock.now())
                return owner, id

            owner, id = await db.write(work)
            return await _show(db, owner.account_id, wanted, id)

    terminal.show_one(terminal.run(work()), as_json=as_json)


@shipping.command("change")
def update_item(kind: KindName, id: int, account: AccountName, fields: Fields = None, as_json: AsJson = False) -> None:
    """Replace the given fields; `name:=null` removes one."""
    wanted, sent = _to_kind(kind), _read_fields(fields)

    async def work() -> dict[str, Any]:
        settings = terminal.load_settings()
        async with terminal.open_database(settings) as db:
            encryptor = context.open_encryptor(settings, db)

            async def work(tx: Transaction) -> Any:
                owner = await accounts.get_account(tx, account)
                await setup.update_item(tx, encryptor, owner.account_id, wanted, id, sent, now=clock.now())
                return owner

            owner = await db.write(work)
            return await _show(db, owner.account_id, wanted, id)

    terminal.show_one(terminal.run(work()), as_json=as_json)


@shipping.command("delete")
def delete_item(kind: KindName, id: int, account: AccountName, as_json: AsJson = False) -> None:
    """Delete an item; shipments that were made with it stay as they are."""
    wanted = _to_kind(kind)

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        await setup.delete_item(tx, owner.account_id, wanted, id)
        return {"deleted": id}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@shipping.command("settings")
def change_settings(account: AccountName, fields: Fields = None, as_json: AsJson = False) -> None:
    """Show the defaults, or change some: default_shipping_option_code=house:standard."""
    sent = _read_fields(fields)

    async def work() -> dict[str, Any]:
        async with terminal.open_database(terminal.load_settings()) as db:

            async def work(tx: Transaction) -> Any:
                owner = await accounts.get_account(tx, account)
                if sent:
                    await setup.update_settings(tx, owner.account_id, sent, now=clock.now())
                return owner

            owner = await db.write(work)
            return setup.show_settings(await setup.read_setup(db, owner.account_id, now=clock.now()))

    terminal.show_one(terminal.run(work()), as_json=as_json)


@shipping.command("try-rules")
def try_rules(
    account: AccountName,
    integration: Annotated[int, typer.Option(help="The order's integration.")],
    order_number: Annotated[str | None, typer.Option(help="The order's number.")] = None,
    order_id: Annotated[str | None, typer.Option(help="The shop's id of the order.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which shipping rule matches an order and why, without making a shipment."""
    named = {"order_id": order_id, "order_number": order_number}
    selector = {"integration_id": integration, **{name: value for name, value in named.items() if value}}

    async def work() -> dict[str, Any]:
        async with terminal.open_database(terminal.load_settings()) as db:
            async with db.read() as tx:
                owner = await accounts.get_account(tx, account)
                row = await operations.find_order(tx, owner.account_id, selector)
            return dry_run.to_trial(await setup.read_setup(db, owner.account_id, now=clock.now()), row)

    trial = terminal.run(work())
    if as_json:
        terminal.print_json(trial)
        return
    tried = trial.pop("rules")
    terminal.show_one(trial, as_json=False)
    told = [
        {"rule": rule["name"], "matches": rule["has_matched"], "because": found["detail"]}
        for rule in tried
        for found in rule["conditions"] or [{"detail": "It has no conditions."}]
    ]
    terminal.show(told, as_json=False)


@shipping.command("import-rates")
def import_rates(
    path: Annotated[Path, typer.Argument(help="A CSV file; docs/shipping.md names its columns.", dir_okay=False)],
    account: AccountName,
    currency: Annotated[str, typer.Option(help="The currency of all its prices: EUR.")],
    name: Annotated[str, typer.Option(help="The name of the rate table; a newer version has the same name.")] = "rates",
    valid_from: Annotated[str | None, typer.Option(help="A date; today by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a version of a rate table from a CSV file."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        terminal.fail(f"{path} cannot be read: {error}")
    sent = {"name": name, "currency": currency, "csv": text, **({"valid_from": valid_from} if valid_from else {})}

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        now = clock.now()
        document = rate_schema.read_table(orjson.dumps(sent), now.date())
        id = await rates.create_table(tx, owner.account_id, document, now=now)
        return {"id": id, "name": name, "valid_from": document["valid_from"], "rows": len(document["rows"])}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@shipping.command("list-rates")
def list_rates(account: AccountName, as_json: AsJson = False) -> None:
    """Show the rate tables, every version of each."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        rows = await rate_queries.list_tables(tx, owner.account_id)
        return [{"id": row.id, "name": row.name, "valid_from": row.valid_from} for row in rows]

    terminal.show(terminal.read(account, work), as_json=as_json)


@parcels.command("track")
def track_parcel(
    id: int,
    status: Annotated[str, typer.Argument(help="A status by its word or number: DELIVERED or 11, …")],
    account: AccountName,
    message: Annotated[str | None, typer.Option(help="A message instead of the status's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set the status of a parcel, for a carrier without tracking."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        code = statuses.to_number(status)
        row = await operations.track_parcel(tx, owner.account_id, id, code, message, now=clock.now())
        return {"id": id, "code": statuses.to_word(row["status_code"]), "message": row["status_message"]}

    terminal.show_one(terminal.write(account, work), as_json=as_json)
