"""`packhouse demo`: something to look at, at once."""

import itertools
from typing import Annotated, Any

import orjson
import typer

from packhouse import migrations
from packhouse.accounts import operations as account_operations
from packhouse.accounts import queries as account_queries
from packhouse.accounts import users
from packhouse.accounts.demo import ACCOUNT, EMAIL, PASSWORD, PUBLIC_KEY, SECRET_KEY
from packhouse.accounts.schema import Caller
from packhouse.cli import serve, terminal
from packhouse.cli.terminal import AccountName, AsJson
from packhouse.integrations import operations as integration_operations
from packhouse.integrations import queries as integration_queries
from packhouse.kit import clock, errors, security
from packhouse.kit.db import Database, Transaction
from packhouse.kit.messages import message
from packhouse.orders import demo as demo_orders
from packhouse.orders import operations, schema
from packhouse.settings import allow_private_webhooks

demo = typer.Typer(no_args_is_help=True, help="Invented orders, and a server with some, to try things on.")

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
def run(host: serve.Host = "127.0.0.1", port: serve.Port = 8000) -> None:
    """Migrate, make a demo account with a shop and a few orders, show how to call it, and serve."""
    allow_private_webhooks()
    settings = terminal.load_settings()
    listener = serve.bind(host, port)
    url = serve.to_url(listener, host)

    async def work() -> int:
        async with terminal.open_database(settings, migrated=False) as db:
            await migrations.upgrade(db)
            return await _set_up(db)

    integration_id = terminal.run(work())
    typer.echo(_welcome(url, integration_id))
    serve.run_server(settings, listener, workers=1)


async def _set_up(db: Database) -> int:
    """The demo account's integration; what is there already is kept."""
    now = clock.now()
    async with db.write() as tx:
        owner = await _find_owner(tx)
        if owner is None:
            account_id = await account_operations.create_account(db, tx, ACCOUNT, "NL", now=now)
            await account_operations.create_key(
                db, tx, account_id, "demo", now=now, public_key=PUBLIC_KEY, secret_key=SECRET_KEY
            )
            await integration_operations.create_integration(db, tx, account_id, "Teashop", now=now)
            owner = await _find_owner(tx)
        if await users.find_user(tx, EMAIL) is None:
            hashed = security.hash_password(PASSWORD)
            await users.create_user(db, tx, owner.account_id, EMAIL, hashed, "owner", now=now)
    async with db.read() as tx:
        integration_id = await integration_queries.find_first(tx, owner.account_id)
    if integration_id is None:
        raise errors.NotFound(errors.Fault("not_found", message("The demo account has no integration any more.")))
    await _store(db, owner, FIRST_ORDERS, seed=0)
    return integration_id


async def _find_owner(tx: Transaction) -> Any:
    try:
        return await account_queries.get_account(tx, ACCOUNT)
    except errors.NotFound:
        return None


async def _store(db: Database, owner: Any, count: int, seed: int) -> int:
    """In batches, through the same door as everybody's."""
    async with db.read() as tx:
        shops = [row.id for row in await integration_queries.list_integrations(tx, owner.account_id)]
    if not shops:
        raise errors.NotFound(errors.Fault("not_found", message("The account has no integration to put orders into.")))
    caller = Caller(owner.account_id, owner.country_code, "command:demo orders")
    made = demo_orders.make_orders(count, seed=seed, integration_ids=shops, now=clock.now())
    stored = 0
    while batch := list(itertools.islice(made, schema.MAX_BATCH)):
        reading = schema.read_batch(orjson.dumps(batch))
        async with db.write() as tx:
            stored += len(await operations.upsert_orders(db, tx, caller, reading.value, now=clock.now()))
    return stored


def _welcome(url: str, integration_id: int) -> str:
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

The API explained:  {url}/docs
"""
