"""Communication with carriers about a shipment: first the database, then the carrier, then the database again.

No transaction is open while the carrier answers. A process may die at any point: the shipment's row says what is in
progress, a job is due for it, and the carrier knows it by our reference, so that asking again returns the same label
instead of a second one. A carrier that does not compare references is asked once, which is stored first; if its answer
is lost, people are told so (docs/decisions/0032-asked-once.md).
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from packhouse import carriers
from packhouse.accounts import queries as accounts
from packhouse.context import Context
from packhouse.kit import clock, errors, jobs
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.shipping import operations, queries, storage, wire
from packhouse.shipping.consignment import to_consignment
from packhouse.shipping.operations import ANNOUNCING, CANCELLED, CANCELLING, FAILED, READY, WITHDRAWING
from packhouse.shipping.queries import Content, Shipment
from packhouse.shipping.schema import NO_ORDER
from packhouse.shipping.setup import setup

T = TypeVar("T")

_log = structlog.get_logger()

PATIENCE_SECONDS = 45
"""The longest that a carrier may take for one answer (PACKHOUSE_CARRIERS_TIMEOUT_SECONDS says less)."""
GRACE = timedelta(seconds=90)
"""When the worker looks after a shipment that a caller is waiting for: later than the caller can still be at it."""


async def handle(ctx: Context, job: jobs.Job) -> None:
    """Run the job `label.announce`: complete whatever is in progress for its shipment. It is retried until the carrier
    answers, because a label that was made must not be lost; if the shipment is cancelled meanwhile, the carrier is
    asked to cancel instead."""
    try:
        await settle(ctx, job.account_id, job.payload["shipment"])
    except carriers.Unreachable as error:
        _log.warning("carrier unreachable", account=job.account_id, job=job.id, attempts=job.attempts)
        raise jobs.Reschedule(ctx.clock() + jobs.back_off(job.attempts)) from error


async def settle(ctx: Context, account_id: int, shipment_id: int) -> None:
    """Complete whatever is in progress for a shipment; otherwise leave it as it is. It can run any number of times.
    Raises Reschedule if there is another request to make, and Unreachable if the carrier does not answer: then it has
    to be tried again."""
    async with ctx.db.read() as tx:
        row = await queries.find_row(tx, account_id, shipment_id)
    if row is None:
        return
    if row.state in (ANNOUNCING, WITHDRAWING):
        found = await announce(ctx, account_id, shipment_id, in_worker=True)
        if found.row.state == CANCELLING:
            raise jobs.Reschedule(ctx.clock(), fresh=True)  # a lease is long enough for one answer, not for two
    elif row.state == CANCELLING:
        await cancel(ctx, account_id, shipment_id, in_worker=True)


async def announce(ctx: Context, account_id: int, shipment_id: int, *, in_worker: bool = False) -> Shipment:
    """Return the shipment as it is afterwards; a refusal by the carrier is stored in it. Raises NotFound,
    Unreachable."""
    found, consignment = await read_consignment(ctx, account_id, shipment_id)
    if found.row.state not in _AFTER_ANSWER:
        return found
    carrier = find_carrier(ctx, consignment)
    if carriers.worker_only(carrier) and not in_worker:
        return await _await_worker(ctx, account_id, shipment_id)
    try:
        if not carriers.is_idempotent(carrier):
            await _claim_question(ctx, carrier, found)
            announcement = await _ask_once(ctx, carrier, found, consignment)
        else:
            announcement = await ask(ctx, carrier.announce(consignment))
    except carriers.Rejected as rejection:
        return await _fail(ctx, found, _to_faults(rejection))
    except _Settled:
        return await _read(ctx, account_id, shipment_id)
    return await _store(ctx, carrier, found, announcement)


class _Settled(Exception):
    """Somebody else has completed the shipment meanwhile."""


async def _read(ctx: Context, account_id: int, shipment_id: int) -> Shipment:
    async with ctx.db.read() as tx:
        found = await queries.find_shipment(tx, account_id, shipment_id)
    return errors.require(found, queries.no_such_shipment())


async def _store(
    ctx: Context, carrier: carriers.Carrier, found: Shipment, announcement: carriers.Announcement
) -> Shipment:
    """Store what the carrier returned, unless another process asked too, got the same answer and was quicker. Return
    the shipment as it is then."""
    account_id, shipment_id = found.row.account_id, found.row.id
    rows = await _to_documents(ctx, found, announcement)
    now = ctx.clock()

    async def store(tx: Transaction) -> Shipment | None:
        row = await queries.lock_row(tx, account_id, shipment_id)
        if row is None or row.state not in _AFTER_ANSWER:
            return None
        after = await operations.store_announcement(tx, found._replace(row=row), announcement.parcels, rows)
        state = _AFTER_ANSWER[row.state]
        if state == READY and carrier.has_tracking:
            await operations.schedule_tracking(tx, account_id, shipment_id, now=now)
        return await operations.move(tx, after, state, now=now, announced_at=now)

    return await ctx.db.write(store) or await _read(ctx, account_id, shipment_id)


_AFTER_ANSWER = {ANNOUNCING: READY, WITHDRAWING: CANCELLING}


async def _ask_once(
    ctx: Context, carrier: carriers.Carrier, found: Shipment, consignment: carriers.Consignment
) -> carriers.Announcement:
    """Raises Unreachable if the carrier certainly did not receive the request, and Rejected, also if its answer is
    lost."""
    try:
        return await ask(ctx, carrier.announce(consignment))
    except carriers.Unreachable as error:
        if error.not_received:
            account_id, id = found.row.account_id, found.row.id
            await ctx.db.write(lambda tx: operations.note_question(tx, account_id, id, None))
            raise
        raise carriers.Rejected([_to_lost(carrier, found)]) from error


async def _claim_question(ctx: Context, carrier: carriers.Carrier, found: Shipment) -> None:
    """Store that the carrier is asked now. Raises Unreachable while another process may still be waiting for an answer,
    Rejected if the answer to an earlier request is lost, and _Settled if there is nothing left to ask."""
    account_id, id, now = found.row.account_id, found.row.id, ctx.clock()

    async def read_question(tx: Transaction) -> tuple[bool, datetime | None]:
        row = await queries.lock_row(tx, account_id, id)
        if row is None or row.state not in _AFTER_ANSWER:
            return False, None
        if row.requested_at is None:
            await operations.note_question(tx, account_id, id, now)
        return True, row.requested_at

    is_waiting, requested_at = await ctx.db.write(read_question)
    if not is_waiting:
        raise _Settled
    if requested_at is None:
        return
    if now - requested_at < GRACE:
        if not clock.is_to_come(
            requested_at + GRACE, now, within=GRACE
        ):  # by a clock that was ahead: it counts from now
            await ctx.db.write(lambda tx: operations.note_question(tx, account_id, id, now))
        raise carriers.Unreachable(message("The carrier has the request and may still answer."))
    raise carriers.Rejected([_to_lost(carrier, found)])


def _to_lost(carrier: carriers.Carrier, found: Shipment) -> errors.ErrorItem:
    reference = found.row.uuid.replace("-", "")
    detail = message(
        "{name} was asked for a label and its answer was lost. Before you make another, look there for "
        "the reference {reference}: there may be a label already.",
        name=carrier.name,
        reference=reference,
    )
    return errors.ErrorItem("parcel_announcement_error", detail)


async def cancel(ctx: Context, account_id: int, shipment_id: int, *, in_worker: bool = False) -> list[errors.ErrorItem]:
    """Return why the carrier refuses, which leaves the shipment as it was; None if it is cancelled. Raises
    Unreachable."""
    found, consignment = await read_consignment(ctx, account_id, shipment_id)
    if found.row.state != CANCELLING:  # somebody else has asked, and this is what came of it
        return wire.from_errors(found.row.errors) if found.row.state == READY else []
    carrier = find_carrier(ctx, consignment)
    if carriers.worker_only(carrier) and not in_worker:
        raise carriers.Unreachable(message("A worker will ask."))
    faults: list[errors.ErrorItem] = []
    try:
        await ask(ctx, carrier.cancel(consignment))
    except carriers.Rejected as rejection:
        faults = _to_faults(rejection)
    now = ctx.clock()

    async def work(tx: Transaction) -> None:
        row = await queries.lock_row(tx, account_id, shipment_id)
        if row is not None and row.state == CANCELLING:
            state = READY if faults else CANCELLED
            told = [fault.to_wire(409) for fault in faults]
            await operations.move(tx, found._replace(row=row), state, now=now, faults=told)

    await ctx.db.write(work)
    return faults


async def _await_worker(ctx: Context, account_id: int, shipment_id: int) -> Shipment:
    """Wait for any worker to run the shipment's job. Raises Unreachable if none has done so in time."""
    try:
        async with asyncio.timeout(ctx.settings.carriers_timeout_seconds):
            while True:
                found = await _read(ctx, account_id, shipment_id)
                if found.row.state not in _AFTER_ANSWER:
                    return found
                await asyncio.sleep(_GLANCE_SECONDS)
    except TimeoutError:
        raise carriers.Unreachable(message("No worker had an answer in time.")) from None


_GLANCE_SECONDS = 0.1


async def read_consignment(ctx: Context, account_id: int, shipment_id: int) -> tuple[Shipment, carriers.Consignment]:
    """Raises NotFound."""
    account_setup = await setup.read_setup(ctx.db, account_id, now=ctx.clock())
    async with ctx.db.read() as tx:
        found = errors.require(await queries.find_shipment(tx, account_id, shipment_id), queries.no_such_shipment())
        zone = await accounts.find_zone(tx, account_id)
    return found, to_consignment(found, account_setup, ctx.encryptor, zone)


def find_carrier(ctx: Context, consignment: carriers.Consignment) -> carriers.Carrier:
    """A carrier that is not installed here may be installed where the next attempt runs."""
    code = consignment.option_code.partition(":")[0]
    carrier = ctx.options.carrier_of(consignment.option_code)
    if carrier is None:
        raise carriers.Unreachable(message("The carrier {code} is not installed here.", code=code))
    return carrier


async def ask(ctx: Context, question: Awaitable[T]) -> T:
    """Raises Unreachable if no answer comes in time, whoever wrote the carrier's code."""
    try:
        async with asyncio.timeout(ctx.settings.carriers_timeout_seconds):
            return await question
    except TimeoutError:
        raise carriers.Unreachable(
            message(
                "The carrier did not answer within {seconds} seconds.",
                seconds=ctx.settings.carriers_timeout_seconds,
            )
        ) from None


async def _fail(ctx: Context, found: Shipment, faults: Sequence[errors.ErrorItem]) -> Shipment:
    """Store that nothing was made: an announcement has failed, or there is nothing left to cancel. Return the shipment
    as it is then."""
    account_id, shipment_id, now = found.row.account_id, found.row.id, ctx.clock()

    async def work(tx: Transaction) -> Shipment | None:
        row = await queries.lock_row(tx, account_id, shipment_id)
        if row is None or row.state not in _AFTER_ANSWER:
            return None
        state = FAILED if row.state == ANNOUNCING else CANCELLED
        told = [_to_stored(found, fault) for fault in faults]
        return await operations.move(tx, found._replace(row=row), state, now=now, faults=told)

    return await ctx.db.write(work) or await _read(ctx, account_id, shipment_id)


def _to_stored(found: Shipment, fault: errors.ErrorItem) -> dict[str, Any]:
    """A carrier's pointers are places of an order, which mean nothing without one."""
    if found.row.for_order == NO_ORDER:
        return replace(fault, title=None, pointer=None).to_wire(500)
    return fault.to_wire(400)


def _to_faults(rejection: carriers.Rejected) -> list[errors.ErrorItem]:
    return [replace(fault, code="parcel_announcement_error") for fault in rejection.faults]


async def _to_documents(ctx: Context, found: Shipment, announcement: carriers.Announcement) -> list[dict[str, Any]]:
    """Return rows for the documents; if there is a store, it has their contents when this returns."""
    rows = []
    now = ctx.clock()
    for parcel, told in zip(found.parcels, announcement.parcels, strict=True):
        for document in told.documents:
            row = {"account_id": parcel.account_id, "parcel_id": parcel.id, "kind": document.kind, "created_at": now}
            row |= {"size": document.size, "mime_type": document.mime_type, "content": document.content}
            if ctx.store is not None:
                key = storage.to_key(parcel.account_id, found.row.uuid, parcel.id, document.kind)
                await ctx.store.put(key, document.content)
                row["content"] = None
            rows.append(row)
    return rows


async def read_content(ctx: Context, account_id: int, row: Content) -> bytes:
    """Raises Unavailable."""
    if row.content is not None:
        return row.content
    if ctx.store is None:
        raise errors.Unavailable(message("The store of this document is not configured."))
    return await ctx.store.get(storage.to_key(account_id, row.uuid, row.parcel_id, row.kind))
