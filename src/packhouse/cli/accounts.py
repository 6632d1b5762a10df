"""`packhouse account`, `key`, `client`, `audit` and `integration`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.choices import ALL_SCOPES, SCOPES
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse import context
    from packhouse.accounts import audit as audit_log
    from packhouse.accounts import operations, queries
    from packhouse.integrations import operations as integration_operations
    from packhouse.integrations import queries as integration_queries
    from packhouse.kit import clock
    from packhouse.kit.data import zones
    from packhouse.kit.wire import pagination

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.kit.db import Reader, Transaction

account = Commands("Accounts: the tenants, each with its own keys, shops and orders.")
key = Commands("API keys of an account. A secret is shown once, when it is made.")
client = Commands("OAuth2 clients of an account. A secret is shown once.")
audit = Commands("The audit log: sign-ins, changes of keys, clients and users.")
integration = Commands("Integrations: the shops that send an account's orders.")

PublicKey = Annotated[str | None, typer.Option(help="The public key; random by default.")]
SecretKey = Annotated[str | None, typer.Option(help="The secret key; random by default.")]


Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help=f"A scope: {', '.join(SCOPES)}; repeat the option for several.")
]
Accept = Annotated[bool, typer.Option("--accept/--refuse", help="Accept HTTP Basic, or only tokens.")]


@account.command("create")
def create_account(
    name: str,
    public_key: PublicKey = None,
    secret_key: SecretKey = None,
    country: Annotated[str, typer.Option(help="The country that it ships from, ISO 3166-1 alpha-2.")] = "NL",
    as_json: AsJson = False,
) -> None:
    """Create an account and its first API key."""

    async def work() -> dict[str, Any]:
        async with terminal.open_database(terminal.load_settings()) as db:

            async def work(tx: Transaction) -> dict[str, Any]:
                now = clock.now()
                account_id = await operations.create_account(tx, name, country, now=now, actor="command:account create")
                made = await operations.create_key(
                    tx,
                    account_id,
                    "first",
                    now=now,
                    public_key=public_key,
                    secret_key=secret_key,
                    actor="command:account create",
                )
                return {"account_id": account_id, "name": name, "country_code": country, **made._asdict()}

            return await db.write(work)

    shown = terminal.run(work())
    shown["key_id"] = shown.pop("id")
    terminal.show_one(shown, as_json=as_json)


@account.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """Show all accounts."""

    async def work() -> list[dict[str, Any]]:
        async with terminal.open_database(terminal.load_settings()) as db, db.read() as tx:
            return [_to_shown(row) for row in await queries.list_accounts(tx)]

    terminal.show(terminal.run(work()), as_json=as_json)


def _to_shown(row: AccountRow) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ("account_id", "name", "country_code", "created_at")}
    return {**shown, "time_zone": row.time_zone or zones.find_default(row.country_code)}


@key.command("create")
def create_key(
    account: AccountName,
    scope: Scopes = None,
    name: Annotated[str, typer.Option(help="A description.")] = "",
    public_key: PublicKey = None,
    secret_key: SecretKey = None,
    as_json: AsJson = False,
) -> None:
    """Create another key for an account; without a scope it can do everything."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        scopes = scope or [ALL_SCOPES]
        made = await operations.create_key(
            tx,
            owner.account_id,
            name,
            now=clock.now(),
            public_key=public_key,
            secret_key=secret_key,
            actor="command:key create",
            scopes=scopes,
        )
        return {"account_id": owner.account_id, **made._asdict(), "scopes": " ".join(scopes)}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@key.command("list")
def list_keys(account: AccountName, as_json: AsJson = False) -> None:
    """Show an account's keys, without their secrets."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        shown = ("id", "name", "public_key", "scopes", "created_at", "revoked_at")
        keys = [row._asdict() for row in await queries.list_keys(tx, owner.account_id)]
        return [{name: found[name] for name in shown} for found in keys]

    terminal.show(terminal.read(account, work), as_json=as_json)


@key.command("revoke")
def revoke_key(public_key: str, account: AccountName, as_json: AsJson = False) -> None:
    """Revoke a key, from the next request on."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        await operations.revoke_key(tx, owner.account_id, public_key, now=clock.now(), actor="command:key revoke")
        return {"revoked": public_key}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


Keep = Annotated[float, typer.Option("--keep-hours", min=0, max=8760, help="How long the former secret stays valid.")]


def _rotate(account: str, public_key: str, kind: str, keep_hours: float) -> str:
    keep, actor = timedelta(hours=keep_hours), f"command:{kind} rotate"

    async def work(tx: Transaction, owner: AccountRow) -> str:
        return await operations.rotate_key(
            tx, owner.account_id, public_key, now=clock.now(), keep=keep, actor=actor, kind=kind
        )

    return terminal.write(account, work)


@key.command("rotate")
def rotate_key(public_key: str, account: AccountName, keep_hours: Keep = 24, as_json: AsJson = False) -> None:
    """Give a key a new secret, shown once; the former one stays valid for a while."""
    secret = _rotate(account, public_key, "key", keep_hours)
    terminal.show_one({"public_key": public_key, "secret_key": secret}, as_json=as_json)


@key.command("basic")
def set_key_basic(public_key: str, account: AccountName, accept: Accept, as_json: AsJson = False) -> None:
    """Set whether a key can use HTTP Basic, or only tokens."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        await operations.set_key_basic(
            tx, owner.account_id, public_key, takes_basic=accept, now=clock.now(), actor="command:key basic"
        )
        return {"public_key": public_key, "takes_basic": accept}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@account.command("basic")
def set_account_basic(name: str, accept: Accept, as_json: AsJson = False) -> None:
    """Set whether an account's keys can use HTTP Basic, or only tokens."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        await operations.set_account_basic(
            tx, owner.account_id, takes_basic=accept, now=clock.now(), actor="command:account basic"
        )
        return {"name": name, "takes_basic": accept}

    terminal.show_one(terminal.write(name, work), as_json=as_json)


@account.command("set-time-zone")
def set_time_zone(
    name: str,
    time_zone: Annotated[str, typer.Argument(help="For example Europe/Amsterdam, or `country` for the country's.")],
    as_json: AsJson = False,
) -> None:
    """Set the time zone of an account, for statistics and filters on the page."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        actor = "command:account set-time-zone"
        wanted = None if time_zone == "country" else time_zone
        await operations.set_time_zone(tx, owner.account_id, wanted, now=clock.now(), actor=actor)
        return {"name": name, "time_zone": wanted or zones.find_default(owner.country_code)}

    terminal.show_one(terminal.write(name, work), as_json=as_json)


@client.command("create")
def create_client(
    account: AccountName,
    scope: Scopes = None,
    name: Annotated[str, typer.Option(help="A description.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create an OAuth2 client for an account; its secret is shown once."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        scopes, actor = scope or ["api"], "command:client create"
        made = await operations.create_key(
            tx, owner.account_id, name, now=clock.now(), actor=actor, kind="client", scopes=scopes
        )
        return {"client_id": made.public_key, "client_secret": made.secret_key, "scopes": " ".join(scopes)}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@client.command("list")
def list_clients(account: AccountName, as_json: AsJson = False) -> None:
    """Show an account's OAuth2 clients, without their secrets."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        rows = await queries.list_keys(tx, owner.account_id, "client")
        shown = ("name", "scopes", "created_at", "revoked_at", "second_until")
        return [{"client_id": row.public_key, **{name: getattr(row, name) for name in shown}} for row in rows]

    terminal.show(terminal.read(account, work), as_json=as_json)


@client.command("rotate")
def rotate_client(client_id: str, account: AccountName, keep_hours: Keep = 24, as_json: AsJson = False) -> None:
    """Give a client a new secret, shown once; the former one stays valid for a while."""
    secret = _rotate(account, client_id, "client", keep_hours)
    terminal.show_one({"client_id": client_id, "client_secret": secret}, as_json=as_json)


@client.command("revoke")
def revoke_client(client_id: str, account: AccountName, as_json: AsJson = False) -> None:
    """Revoke a client and its tokens, from the next request on."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        actor = "command:client revoke"
        await operations.revoke_key(tx, owner.account_id, client_id, now=clock.now(), actor=actor, kind="client")
        return {"revoked": client_id}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@audit.command("list")
def list_audit_log(
    account: AccountName,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The maximum number of entries.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show who signed in and who changed keys, clients and users, newest first."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        page = await audit_log.list_entries(tx, owner.account_id, pagination.Cursor(), limit)
        shown = ("id", "at", "actor", "action", "subject")
        return [{name: getattr(row, name) for name in shown} for row in page.rows]

    terminal.show(terminal.read(account, work), as_json=as_json)


@integration.command("create")
def create_integration(
    account: AccountName,
    shop_name: Annotated[str, typer.Option(help="The shop's name.")],
    id: Annotated[int | None, typer.Option(help="The id; the next free one by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Connect a shop to an account."""

    async def work() -> dict[str, Any]:
        settings = terminal.load_settings()
        async with terminal.open_database(settings) as db:

            async def work(tx: Transaction) -> dict[str, Any]:
                owner = await queries.get_account(tx, account)
                encryptor = context.open_encryptor(settings, db)
                made = await integration_operations.create_integration(
                    tx, owner.account_id, shop_name, now=clock.now(), id=id, encryptor=encryptor
                )
                return {"id": made, "account_id": owner.account_id, "shop_name": shop_name}

            return await db.write(work)

    terminal.show_one(terminal.run(work()), as_json=as_json)


@integration.command("list")
def list_integrations(account: AccountName, as_json: AsJson = False) -> None:
    """Show an account's shops."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        shown = ("id", "shop_name", "created_at")
        found = [row._asdict() for row in await integration_queries.list_integrations(tx, owner.account_id)]
        return [{name: row[name] for name in shown} for row in found]

    terminal.show(terminal.read(account, work), as_json=as_json)


@integration.command("delete")
def delete_integration(id: int, account: AccountName, as_json: AsJson = False) -> None:
    """Disconnect a shop: its orders stay readable, new ones are refused."""

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        await integration_operations.delete_integration(tx, owner.account_id, id, now=clock.now())
        return {"deleted": id}

    terminal.show_one(terminal.write(account, work), as_json=as_json)
