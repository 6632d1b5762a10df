"""Checks whether carriers accept the credentials of contracts: a worker asks, outside any transaction, within a time
limit."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from packhouse.carriers import Rejected, TestsConnection, Unreachable
from packhouse.context import Context
from packhouse.kit import errors, jobs
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.encryption import NoSecretKey, WrongSecretKey
from packhouse.kit.messages import Message, join, message, to_column
from packhouse.shipping import consignment
from packhouse.shipping.setup import queries, setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.setup_schema import CONTRACT, Setup
from packhouse.shipping.tables import contract_checks

JOB = "contract.check"
WAITING, WORKS, REFUSED, AWAY = "waiting", "works", "refused", "away"
PATIENCE_SECONDS = 20
OVERDUE = timedelta(seconds=PATIENCE_SECONDS + 20)
"""After so long nobody is at it: there is no worker, or it died."""
_c = contract_checks.c


class Check(NamedTuple):
    """The result of the last test; `words` say why it failed."""

    state: str
    words: str
    at: datetime


def can_check(options: Options, carrier_code: str) -> bool:
    return isinstance(options.carriers.get(carrier_code), TestsConnection)


async def list_checks(tx: Reader, account_id: int) -> dict[int, Check]:
    """Return the results by contract id."""
    rows = await tx.fetch_all(select(contract_checks).where(_c.account_id == account_id))
    return {row.contract_id: Check(row.state, row.words, row.at) for row in rows}


async def request_check(tx: Transaction, options: Options, account_id: int, id: int, *, now: datetime) -> None:
    """Raises NotFound, and Conflict for a carrier that cannot check credentials."""
    found = await setup.load_setup(tx, account_id, now=now)
    shown = setup.show_item(found, CONTRACT, id)
    if not can_check(options, shown["carrier_code"]):
        detail = message("This carrier needs no connection, or cannot be asked.")
        raise errors.Conflict(errors.ErrorItem("conflict", detail))
    await forget(tx, account_id, id)
    row = {"account_id": account_id, "contract_id": id, "state": WAITING, "words": "", "at": now}
    await tx.execute(insert(contract_checks).values(row))
    await jobs.enqueue(tx, account_id, JOB, [{"contract": id}], now=now)


async def forget(tx: Transaction, account_id: int, id: int) -> None:
    """Delete a result, which says nothing about new credentials."""
    await tx.execute(delete(contract_checks).where(_c.account_id == account_id, _c.contract_id == id))


async def handle(ctx: Context, job: jobs.Job) -> None:
    """Run the job. Repeating it does no harm, because it changes nothing at the carrier."""
    account_id, id = job.account_id, int(job.payload["contract"])
    async with ctx.db.read() as tx:
        found = await queries.find_setup(tx, account_id) or Setup()
    state, words = await _check(ctx, found, id)

    async def store(tx: Transaction) -> None:
        mine = (_c.account_id == account_id, _c.contract_id == id)
        values: dict[str, Any] = {"state": state, "words": to_column(words) if words else "", "at": ctx.clock()}
        await tx.execute(update(contract_checks).where(*mine).values(values))

    await ctx.db.write(store)


async def _check(ctx: Context, found: Setup, id: int) -> tuple[str, Message | None]:
    try:
        contract = consignment.to_contract(found, id, ctx.encryptor)
    except (NoSecretKey, WrongSecretKey):
        return REFUSED, message("The credentials cannot be read: the server has another secret key than they had.")
    carrier: object = ctx.options.carriers.get(contract.carrier_code) if contract is not None else None
    if contract is None or not isinstance(carrier, TestsConnection):
        return REFUSED, message("The contract is gone.")
    sender = found.sender_address.get(found.default_sender() or 0) or {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await carrier.test_connection(contract, str(sender.get("country_code") or ""))
    except TimeoutError:
        return AWAY, message("The carrier did not answer within {seconds} seconds.", seconds=PATIENCE_SECONDS)
    except Rejected as refusal:
        return REFUSED, join("\n", (fault.detail for fault in refusal.faults))
    except Unreachable as error:
        return AWAY, error.args[0]
    return WORKS, None
