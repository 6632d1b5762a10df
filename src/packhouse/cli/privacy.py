"""`packhouse person`, and `packhouse account retention`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.choices import MOST_DAYS
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse import bootstrap
    from packhouse.accounts import queries as accounts
    from packhouse.accounts import schema as account_schema
    from packhouse.kit import clock, errors
    from packhouse.orders import profile
    from packhouse.privacy import operations, queries, schema
    from packhouse.shipping import storage

if TYPE_CHECKING:
    from packhouse.accounts.schema import Caller
    from packhouse.kit.db import Database, Transaction
    from packhouse.orders.persons import Person
    from packhouse.settings import Settings

person = Commands("The data of one customer: export or erase it (docs/privacy.md).")

Email = Annotated[str, typer.Option(help="Their e-mail address, in any case.")]
Phone = Annotated[str, typer.Option(help="Their telephone number, in any spelling.")]
Name = Annotated[str, typer.Option(help="Their name, together with --postal-code.")]
PostalCode = Annotated[str, typer.Option(help="The postal code of their address.")]


@person.command("erase")
def erase_person(
    account: AccountName,
    email: Email = "",
    phone: Phone = "",
    name: Name = "",
    postal_code: PostalCode = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the data that identifies one person from everything that is stored; statistics and numbers stay."""
    wanted = _read_person(email=email, phone=phone, name=name, postal_code=postal_code)
    settings = terminal.load_settings()
    if not yes:
        orders, shipments = terminal.run(_count(settings, account, wanted))
        typer.confirm(f"Erase the person in {orders} orders and {shipments} shipments, for good?", abort=True, err=True)

    async def work() -> dict[str, int]:
        async with terminal.open_database(settings) as db:
            caller = await _find_caller(db, account, "person erase")
            async with bootstrap.open_context(settings, db) as ctx:
                report = await operations.erase_person(ctx, caller, wanted)
            return report.to_wire()

    terminal.show_one(_run(work()), as_json=as_json)


def _read_person(**sent: str) -> Person:
    try:
        return schema.to_person(sent)
    except errors.Invalid as invalid:
        terminal.fail("; ".join(fault.detail for fault in invalid.faults))


def _run(work: Any) -> Any:
    try:
        return terminal.run(work)
    except storage.StorageError as error:
        terminal.fail(str(error))


async def _count(settings: Settings, account: str, wanted: Person) -> tuple[int, int]:
    async with terminal.open_database(settings) as db:
        found = await queries.find_person(db, await _find_caller(db, account, "person erase"), wanted)
        return len(found.orders), len(found.shipments)


async def _find_caller(db: Database, account: str, words: str) -> Caller:
    async with db.read() as tx:
        owner = await accounts.get_account(tx, account)
    return account_schema.Caller(owner.account_id, owner.country_code, f"command:{words}")


@person.command("export")
def export_person(
    account: AccountName,
    output: Annotated[Path, typer.Option(help="The file to write; only its owner may read it.")],
    email: Email = "",
    phone: Phone = "",
    name: Name = "",
    postal_code: PostalCode = "",
    as_json: AsJson = False,
) -> None:
    """Write everything that is stored about one person to a file, as JSON."""
    wanted = _read_person(email=email, phone=phone, name=name, postal_code=postal_code)
    settings = terminal.load_settings()

    async def work() -> dict[str, Any]:
        async with terminal.open_database(settings) as db:
            caller, now = await _find_caller(db, account, "person export"), clock.now()
            exported = await queries.export_person(
                db,
                caller,
                wanted,
                now=now,
                base_url=settings.public_url or "",
                id_is_text=profile.PROFILES[settings.profile].id_is_text,
            )
            _write(output, orjson.dumps(exported, option=orjson.OPT_INDENT_2))
            await db.write(lambda tx: operations.record_export(tx, caller, exported, now=now))
            return {name: len(exported[name]) for name in ("orders", "shipments", "deliveries", "documents")}

    terminal.show_one(terminal.run(work()), as_json=as_json)


def _write(path: Path, content: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        terminal.fail(f"Cannot write {path}: {error.strerror}.")


Days = Annotated[
    int | None, typer.Option("--days", min=1, max=MOST_DAYS, help="Days to keep data of orders and shipments.")
]
DocumentsDays = Annotated[
    int | None, typer.Option("--documents-days", min=0, max=MOST_DAYS, help="Days to keep customs papers.")
]


def set_retention(
    name: str,
    days: Days = None,
    documents_days: DocumentsDays = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep data without a number of days here for ever.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set after how many days an account's personal data is erased, or show it."""
    given = {"days": days, "documents_days": documents_days}
    sent = given if keep else {key: value for key, value in given.items() if value is not None}

    async def work() -> dict[str, Any]:
        async with terminal.open_database(terminal.load_settings()) as db:
            caller = await _find_caller(db, name, "account retention")

            async def work(tx: Transaction) -> Any:
                if sent:
                    await operations.change_retention(tx, caller, sent, now=clock.now())
                return await queries.find_retention(tx, caller.account_id)

            found = await db.write(work)
            return {"name": name, **found._asdict()}

    terminal.show_one(terminal.run(work()), as_json=as_json)
