"""`packhouse demo`: something to look at, at once."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from packhouse.accounts.demo import ACCOUNT, EMAIL, PASSWORD, PUBLIC_KEY, SECRET_KEY
from packhouse.cli import lazy, serve, terminal
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse import migrations
    from packhouse import settings as all_settings
    from packhouse.accounts import operations as account_operations
    from packhouse.accounts import queries as account_queries
    from packhouse.accounts import schema as account_schema
    from packhouse.accounts import users
    from packhouse.integrations import operations as integration_operations
    from packhouse.integrations import queries as integration_queries
    from packhouse.kit import clock, errors, messages, security
    from packhouse.orders import demo as demo_orders
    from packhouse.orders import operations, schema

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.kit.db import Database, Transaction

demo = Commands("Invented orders, and a server with some of them, for trying things out.")

FIRST_ORDERS = 12


@demo.command("orders")
def make_orders(
    count: Annotated[int, typer.Argument(min=1, help="How many.")],
    account: AccountName = ACCOUNT,
    seed: Annotated[int, typer.Option(help="The same seed makes the same orders.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Store invented orders for ten countries, spread over the account's integrations."""

    async def work() -> dict[str, Any]:
        async with terminal.open_database(terminal.load_settings()) as db:
            async with db.read() as tx:
                owner = await account_queries.get_account(tx, account)
            return {"stored": await _store(db, owner, count, seed)}

    terminal.show_one(terminal.run(work()), as_json=as_json)


@demo.command("run")
def run(host: serve.Host = "127.0.0.1", port: serve.Port = 8000, as_json: AsJson = False) -> None:
    """Migrate, create a demo account with a shop and a few orders, show how to call it, and serve."""
    all_settings.allow_private_webhooks()
    settings = terminal.load_settings()
    listener = serve.bind(host, port)
    url = serve.to_url(listener, host)

    async def work() -> tuple[int, str]:
        async with terminal.open_database(settings, is_made=True) as db:
            await migrations.upgrade(db)
            return await _set_up(db), _find_place(db)

    integration_id, place = terminal.run(work())
    if as_json:
        access = {"url": url, "public_key": PUBLIC_KEY, "secret_key": SECRET_KEY, "integration_id": integration_id}
        terminal.print_json({**access, "email": EMAIL, "password": PASSWORD, "database": place})
    else:
        typer.echo(_welcome(url, integration_id, place))
    serve.run_server(settings, listener, workers=1)


async def _set_up(db: Database) -> int:
    """The demo account's integration; what is there already is kept."""
    now = clock.now()

    async def work(tx: Transaction) -> AccountRow:
        owner = await _find_owner(tx)
        if owner is None:
            account_id = await account_operations.create_account(tx, ACCOUNT, "NL", now=now)
            await account_operations.create_key(
                tx, account_id, "demo", now=now, public_key=PUBLIC_KEY, secret_key=SECRET_KEY
            )
            await integration_operations.create_integration(tx, account_id, "Teashop", now=now)
            owner = await account_queries.get_account(tx, ACCOUNT)
        if await users.find_user(tx, EMAIL) is None:
            hashed = security.hash_password(PASSWORD)
            await users.create_user(tx, owner.account_id, EMAIL, hashed, "owner", now=now)
        return owner

    owner = await db.write(work)
    async with db.read() as tx:
        integration_id = await integration_queries.find_first(tx, owner.account_id)
    if integration_id is None:
        raise errors.NotFound(messages.message("The demo account has no integration any more."))
    await _store(db, owner, FIRST_ORDERS, seed=0)
    return integration_id


async def _find_owner(tx: Transaction) -> AccountRow | None:
    try:
        return await account_queries.get_account(tx, ACCOUNT)
    except errors.NotFound:
        return None


async def _store(db: Database, owner: AccountRow, count: int, seed: int) -> int:
    """Store orders in batches, as the API does."""
    async with db.read() as tx:
        shops = [row.id for row in await integration_queries.list_integrations(tx, owner.account_id)]
    if not shops:
        raise errors.NotFound(messages.message("The account has no integration to put orders into."))
    caller = account_schema.Caller(owner.account_id, owner.country_code, "command:demo orders")
    made = demo_orders.make_orders(count, seed=seed, integration_ids=shops, now=clock.now())
    stored = 0
    while batch := list(itertools.islice(made, schema.MAX_BATCH)):
        reading = schema.read_batch(orjson.dumps(batch))
        upsert = partial(operations.upsert_orders, caller=caller, batch=reading.value, now=clock.now())
        stored += len(await db.write(upsert))
    return stored


def _find_place(db: Database) -> str:
    """Return where the data is: the path of a file, or the URL of a database without its password."""
    if db.is_sqlite:
        return str(Path(db.url.database or "").resolve())
    return db.url.set(drivername="postgresql").render_as_string(hide_password=True)


def _find_command() -> str:
    """Return how to call this command from the current folder."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{Path(sys.executable).name} -m packhouse"
    found = shutil.which(called.name)
    if found is not None and Path(found).resolve() == called.resolve():
        return called.name
    return os.path.relpath(called)


def _welcome(url: str, integration_id: int, place: str) -> str:
    command = _find_command()
    return f"""
Packhouse listens on {url}   (Ctrl-C stops it)

  public key   {PUBLIC_KEY}
  secret key   {SECRET_KEY}
  integration  {integration_id}   (shop "Teashop", {FIRST_ORDERS} demo orders)

Sign in to the page at {url}

  e-mail       {EMAIL}
  password     {PASSWORD}

Or ask by the API:

  curl -u {PUBLIC_KEY}:{SECRET_KEY} '{url}/api/v3/orders?page_size=2'

Next, in another terminal, an account of your own:

  {command} account create NAME
  {command} integration create --account NAME --shop-name SHOP

The command:        {command} --help
The data:           {place}
The API explained:  {url}/docs
"""
