"""Talking to carriers about a shipment: each time first the database, then the carrier, then the database again.

Nothing is open while the carrier is asked. Whoever asks may die at any point: the shipment's row says what it is in
the middle of, a job is due for it, and the carrier knows it by a reference of ours, so asking again gives the same
label and not a second one. A carrier that does not compare references is asked once, which is written down first;
where its answer is lost, people are told so (docs/decisions/0032-asked-once.md).
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from packhouse import carriers
from packhouse.context import Context
from packhouse.kit import clock, errors, jobs
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.shipping import operations, queries, storage, wire
from packhouse.shipping.consignment import to_consignment
from packhouse.shipping.operations import ANNOUNCING, CANCELLED, CANCELLING, FAILED, READY, WITHDRAWING
from packhouse.shipping.queries import Shipment
from packhouse.shipping.schema import NO_ORDER
from packhouse.shipping.setup import setup

T = TypeVar("T")

_log = structlog.get_logger()

PATIENCE_SECONDS = 45
"""The longest that a carrier may take for one answer (PACKHOUSE_CARRIERS_TIMEOUT_SECONDS says less)."""
GRACE = timedelta(seconds=90)
"""When the worker looks after a shipment that a caller is waiting for: later than the caller can still be at it."""


async def handle(ctx: Context, job: jobs.Job) -> None:
    """The job `label.announce`: whatever its shipment is in the middle of. Tried until the carrier answers, for a label
    that was made must not be lost; a shipment that is cancelled meanwhile asks for that instead."""
    try:
        await settle(ctx, job.account_id, job.payload["shipment"])
    except carriers.Unreachable as error:
        _log.warning("carrier unreachable", account=job.account_id, job=job.id, attempts=job.attempts)
        raise jobs.Reschedule(ctx.clock() + jobs.back_off(job.attempts)) from error


async def settle(ctx: Context, account_id: int, shipment_id: int) -> None:
    """Bring a shipment that is in the middle of something to its end; one that is not stays as it is.

    Run any number of times. Raises Reschedule where there is another question, and Unreachable where the carrier does
    not answer: then it is to be tried again.
    """
    async with ctx.db.read() as tx:
        found = await queries.find_shipment(tx, account_id, shipment_id)
    if found is None:
        return
    if found.row.state in (ANNOUNCING, WITHDRAWING):
        await announce(ctx, account_id, shipment_id, in_worker=True)
        async with ctx.db.read() as tx:
            found = await queries.find_shipment(tx, account_id, shipment_id)
        if found is not None and found.row.state == CANCELLING:
            raise jobs.Reschedule(ctx.clock(), fresh=True)  # a lease is long enough for one answer, not for two
    elif found.row.state == CANCELLING:
        await cancel(ctx, account_id, shipment_id, in_worker=True)


async def announce(ctx: Context, account_id: int, shipment_id: int, *, in_worker: bool = False) -> None:
    """Raises Unreachable; what the carrier refuses is written to the shipment."""
    found, consignment = await read_consignment(ctx, account_id, shipment_id)
    if found.row.state not in _AFTER_ANSWER:
        return
    carrier = find_carrier(ctx, consignment)
    if carriers.worker_only(carrier) and not in_worker:
        await _await_worker(ctx, account_id, shipment_id)
        return
    try:
        if not carriers.is_idempotent(carrier):
            announcement = await _ask_once(ctx, carrier, found, consignment)
        else:
            announcement = await ask(ctx, carrier.announce(consignment))
    except carriers.Rejected as rejection:
        await _fail(ctx, account_id, shipment_id, _to_faults(rejection))
        return
    if announcement is None:
        return
    await _store(ctx, carrier, found, announcement)


async def _store(ctx: Context, carrier: carriers.Carrier, found: Shipment, announcement: carriers.Announcement) -> None:
    """Write down what the carrier gave, unless somebody else asked too, got the same answer and was quicker."""
    account_id, shipment_id = found.row.account_id, found.row.id
    rows = await _to_documents(ctx, found, announcement)
    now = ctx.clock()

    async def store(tx: Transaction) -> None:
        current = await queries.find_shipment(tx, account_id, shipment_id, lock=True)
        if current is None or current.row.state not in _AFTER_ANSWER:
            return
        numbers = [
            {"id": parcel.id, "tracking_number": told.tracking_number, "tracking_url": told.tracking_url}
            for parcel, told in zip(current.parcels, announcement.parcels, strict=True)
        ]
        await operations.store_announcement(tx, account_id, numbers, rows)
        after = await queries.find_shipment(tx, account_id, shipment_id) or current
        state = _AFTER_ANSWER[current.row.state]
        await operations.move(tx, after, state, now=now, announced_at=now)
        if state == READY and carrier.has_tracking:
            await operations.schedule_tracking(tx, account_id, shipment_id, now=now)

    await ctx.db.write(store)


_AFTER_ANSWER = {ANNOUNCING: READY, WITHDRAWING: CANCELLING}


async def _ask_once(
    ctx: Context, carrier: carriers.Carrier, found: Shipment, consignment: carriers.Consignment
) -> carriers.Announcement | None:
    """None where its answer is lost, now or since an earlier question, and the shipment has failed. Raises Unreachable
    where it surely did not hear of it, and Rejected."""
    if not await _may_ask(ctx, carrier, found):
        return None
    account_id, id = found.row.account_id, found.row.id
    try:
        return await ask(ctx, carrier.announce(consignment))
    except carriers.Unreachable as error:
        if error.not_received:
            await ctx.db.write(lambda tx: operations.note_question(tx, account_id, id, None))
            raise
        await _fail(ctx, account_id, id, [_to_lost(carrier, found)])
        return None


async def _may_ask(ctx: Context, carrier: carriers.Carrier, found: Shipment) -> bool:
    """Whether the carrier may be asked, as nobody has so far. Raises Unreachable while somebody may still be at it."""
    account_id, id, now = found.row.account_id, found.row.id, ctx.clock()

    async def read_question(tx: Transaction) -> tuple[bool, datetime | None]:
        current = await queries.find_shipment(tx, account_id, id, lock=True)
        if current is None or current.row.state not in _AFTER_ANSWER:
            return False, None
        asked_at: datetime | None = current.row.asked_at
        if asked_at is None:
            await operations.note_question(tx, account_id, id, now)
        return True, asked_at

    is_waiting, asked_at = await ctx.db.write(read_question)
    if asked_at is None:
        return is_waiting
    if now - asked_at < GRACE:
        if not clock.is_to_come(asked_at + GRACE, now, within=GRACE):  # by a clock that was ahead: it counts from now
            await ctx.db.write(lambda tx: operations.note_question(tx, account_id, id, now))
        raise carriers.Unreachable(message("The carrier was asked, and may answer still."))
    await _fail(ctx, account_id, id, [_to_lost(carrier, found)])
    return False


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
    """Why the carrier refuses, which leaves the shipment as it was; nothing when it is cancelled. Raises
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
        current = await queries.find_shipment(tx, account_id, shipment_id, lock=True)
        if current is not None and current.row.state == CANCELLING:
            state = READY if faults else CANCELLED
            told = [fault.to_wire(409) for fault in faults]
            await operations.move(tx, current, state, now=now, faults=told)

    await ctx.db.write(work)
    return faults


async def _await_worker(ctx: Context, account_id: int, shipment_id: int) -> None:
    """A job is due for the shipment: whichever worker takes it. Raises Unreachable when none has in time."""
    try:
        async with asyncio.timeout(ctx.settings.carriers_timeout_seconds):
            while True:
                async with ctx.db.read() as tx:
                    found = await queries.find_shipment(tx, account_id, shipment_id)
                if found is None or found.row.state not in _AFTER_ANSWER:
                    return
                await asyncio.sleep(_GLANCE_SECONDS)
    except TimeoutError:
        raise carriers.Unreachable(message("No worker had an answer in time.")) from None


_GLANCE_SECONDS = 0.1


async def read_consignment(ctx: Context, account_id: int, shipment_id: int) -> tuple[Shipment, carriers.Consignment]:
    account_setup = await setup.read_setup(ctx.db, account_id, now=ctx.clock())
    async with ctx.db.read() as tx:
        found = await queries.find_shipment(tx, account_id, shipment_id)
    if found is None:
        raise errors.NotFound(queries.no_such_shipment())
    return found, to_consignment(found, account_setup, ctx.encryptor)


def find_carrier(ctx: Context, consignment: carriers.Consignment) -> carriers.Carrier:
    """A carrier that is not installed here may be where the next attempt is made."""
    code = consignment.option_code.partition(":")[0]
    carrier = ctx.options.carrier_of(consignment.option_code)
    if carrier is None:
        raise carriers.Unreachable(message("The carrier {code} is not installed here.", code=code))
    return carrier


async def ask(ctx: Context, question: Awaitable[T]) -> T:
    """Raises Unreachable for an answer that does not come in time, whoever makes the carrier's code."""
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


async def _fail(ctx: Context, account_id: int, shipment_id: int, faults: Sequence[errors.ErrorItem]) -> None:
    """Nothing was made: an announcement has failed, a cancellation has nothing left to do."""
    now = ctx.clock()

    async def work(tx: Transaction) -> None:
        current = await queries.find_shipment(tx, account_id, shipment_id, lock=True)
        if current is None or current.row.state not in _AFTER_ANSWER:
            return
        state = FAILED if current.row.state == ANNOUNCING else CANCELLED
        told = [_to_stored(current, fault) for fault in faults]
        await operations.move(tx, current, state, now=now, faults=told)

    return await ctx.db.write(work)


def _to_stored(found: Shipment, fault: errors.ErrorItem) -> dict[str, Any]:
    """A carrier's places are those of an order, which say nothing where there is none."""
    if found.row.for_order == NO_ORDER:
        return replace(fault, title=None, pointer=None).to_wire(500)
    return fault.to_wire(400)


def _to_faults(rejection: carriers.Rejected) -> list[errors.ErrorItem]:
    return [replace(fault, code="parcel_announcement_error") for fault in rejection.faults]


async def _to_documents(ctx: Context, found: Shipment, announcement: carriers.Announcement) -> list[dict[str, Any]]:
    """Rows of the documents; where there is a store, their contents are in it when this returns."""
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


async def read_content(ctx: Context, account_id: int, row: Any) -> bytes:
    """Read the content of a row of `queries.find_contents`. Raises Unavailable."""
    if row.content is not None:
        return bytes(row.content)
    if ctx.store is None:
        raise errors.Unavailable(message("The store of this document is not configured."))
    return await ctx.store.get(storage.to_key(account_id, row.uuid, row.parcel_id, row.kind))
