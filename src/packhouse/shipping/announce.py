"""Talking to carriers about a shipment: each time first the database, then the carrier, then the database again.

Nothing is open while the carrier is asked. Whoever asks may die at any point: the shipment's row says what it is in
the middle of, a job is due for it, and the carrier knows it by a reference of ours, so asking again gives the same
label and not a second one. A carrier that does not compare references is asked once, which is written down first;
where its answer is lost, people are told so (docs/decisions/0032-asked-once.md).
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from packhouse.kit import clock, errors, jobs
from packhouse.kit.clock import Clock
from packhouse.kit.db import Database
from packhouse.kit.messages import message
from packhouse.kit.vault import Vault
from packhouse.shipping import answers, carriers, operations, queries, setup, storage
from packhouse.shipping.consignment import to_consignment
from packhouse.shipping.operations import ANNOUNCING, CANCELLED, CANCELLING, FAILED, READY, WITHDRAWING
from packhouse.shipping.options import Options
from packhouse.shipping.queries import Shipment

T = TypeVar("T")

_log = structlog.get_logger()

PATIENCE_SECONDS = 45
"""The longest that a carrier may take for one answer (PACKHOUSE_CARRIERS_TIMEOUT_SECONDS says less)."""
GRACE = timedelta(seconds=90)
"""When the worker looks after a shipment that a caller is waiting for: later than the caller can still be at it."""


@dataclass(frozen=True)
class Desk:
    """What shipping needs of the running process, composed once by `packhouse.app` and `packhouse.worker`."""

    db: Database
    clock: Clock
    options: Options
    vault: Vault
    store: storage.Store | None = None
    patience_seconds: float = PATIENCE_SECONDS
    is_worker: bool = False


async def handle(desk: Desk, job: jobs.Job) -> None:
    """The job `label.announce`: whatever its shipment is in the middle of. Tried until the carrier answers, for a label
    that was made must not be lost; a shipment that is cancelled meanwhile asks for that instead."""
    try:
        await settle(desk, job.account_id, job.payload["shipment"])
    except carriers.Unreachable as error:
        _log.warning("carrier unreachable", account=job.account_id, job=job.id, attempts=job.attempts)
        raise jobs.Later(desk.clock() + jobs.back_off(job.attempts)) from error


async def settle(desk: Desk, account_id: int, shipment_id: int) -> None:
    """Bring a shipment that is in the middle of something to its end; one that is not stays as it is.

    Run any number of times. Raises Later where there is another question, and Unreachable where the carrier does not
    answer: then it is to be tried again.
    """
    async with desk.db.read() as tx:
        found = await queries.find_shipment(tx, account_id, shipment_id)
    if found is None:
        return
    if found.row.state in (ANNOUNCING, WITHDRAWING):
        await announce(desk, account_id, shipment_id)
        async with desk.db.read() as tx:
            found = await queries.find_shipment(tx, account_id, shipment_id)
        if found is not None and found.row.state == CANCELLING:
            raise jobs.Later(desk.clock(), fresh=True)  # a lease is long enough for one answer, not for two
    elif found.row.state == CANCELLING:
        await cancel(desk, account_id, shipment_id)


async def announce(desk: Desk, account_id: int, shipment_id: int) -> None:
    """Raises Unreachable; what the carrier refuses is written to the shipment."""
    found, consignment = await read_consignment(desk, account_id, shipment_id)
    if found.row.state not in _AFTER_ANSWER:
        return
    carrier = find_carrier(desk, consignment)
    if _is_left_to_worker(desk, carrier):
        await _await_worker(desk, account_id, shipment_id)
        return
    try:
        if carriers.makes_twice(carrier):
            announcement = await _ask_once(desk, carrier, found, consignment)
        else:
            announcement = await ask(desk, carrier.announce(consignment))
    except carriers.Rejected as rejection:
        await _fail(desk, account_id, shipment_id, _to_faults(rejection))
        return
    if announcement is None:
        return
    rows = await _to_documents(desk, found, announcement)
    now = desk.clock()
    async with desk.db.write() as tx:
        current = await queries.find_shipment(tx, account_id, shipment_id, lock=True)
        if current is None or current.row.state not in _AFTER_ANSWER:
            return  # somebody else asked too, got the same answer and was quicker
        numbers = [
            {"id": parcel.id, "tracking_number": told.tracking_number, "tracking_url": told.tracking_url}
            for parcel, told in zip(current.parcels, announcement.parcels, strict=True)
        ]
        await operations.store_announcement(tx, account_id, numbers, rows)
        after = await queries.find_shipment(tx, account_id, shipment_id) or current
        state = _AFTER_ANSWER[current.row.state]
        await operations.move(desk.db, tx, after, state, now=now, announced_at=now)
        if state == READY and carrier.has_tracking:
            await operations.await_news(desk.db, tx, account_id, shipment_id, now=now)


_AFTER_ANSWER = {ANNOUNCING: READY, WITHDRAWING: CANCELLING}


async def _ask_once(
    desk: Desk, carrier: carriers.Carrier, found: Shipment, consignment: carriers.Consignment
) -> carriers.Announcement | None:
    """None where its answer is lost, now or since an earlier question, and the shipment has failed. Raises Unreachable
    where it surely did not hear of it, and Rejected."""
    if not await _may_ask(desk, carrier, found):
        return None
    account_id, id = found.row.account_id, found.row.id
    try:
        return await ask(desk, carrier.announce(consignment))
    except carriers.Unreachable as error:
        if error.is_unheard:
            async with desk.db.write() as tx:
                await operations.note_question(tx, account_id, id, None)
            raise
        await _fail(desk, account_id, id, [_to_lost(carrier, found)])
        return None


async def _may_ask(desk: Desk, carrier: carriers.Carrier, found: Shipment) -> bool:
    """As nobody has so far. Raises Unreachable while somebody may still be at it."""
    account_id, id, now = found.row.account_id, found.row.id, desk.clock()
    async with desk.db.write() as tx:
        current = await queries.find_shipment(tx, account_id, id, lock=True)
        if current is None or current.row.state not in _AFTER_ANSWER:
            return False
        asked_at = current.row.asked_at
        if asked_at is None:
            await operations.note_question(tx, account_id, id, now)
            return True
    if now - asked_at < GRACE:
        if not clock.is_to_come(asked_at + GRACE, now, within=GRACE):  # by a clock that was ahead: it counts from now
            async with desk.db.write() as tx:
                await operations.note_question(tx, account_id, id, now)
        raise carriers.Unreachable(message("The carrier was asked, and may answer still."))
    await _fail(desk, account_id, id, [_to_lost(carrier, found)])
    return False


def _to_lost(carrier: carriers.Carrier, found: Shipment) -> errors.Fault:
    reference = found.row.uuid.replace("-", "")
    detail = message(
        "{name} was asked for a label and its answer was lost. Before you make another, look there for "
        "the reference {reference}: there may be a label already.",
        name=carrier.name,
        reference=reference,
    )
    return errors.Fault("parcel_announcement_error", detail)


async def cancel(desk: Desk, account_id: int, shipment_id: int) -> list[errors.Fault]:
    """Why the carrier refuses, which leaves the shipment as it was; nothing when it is cancelled. Raises
    Unreachable."""
    found, consignment = await read_consignment(desk, account_id, shipment_id)
    if found.row.state != CANCELLING:  # somebody else has asked, and this is what came of it
        return answers.from_errors(found.row.errors) if found.row.state == READY else []
    carrier = find_carrier(desk, consignment)
    if _is_left_to_worker(desk, carrier):
        raise carriers.Unreachable(message("A worker will ask."))
    faults: list[errors.Fault] = []
    try:
        await ask(desk, carrier.cancel(consignment))
    except carriers.Rejected as rejection:
        faults = _to_faults(rejection)
    now = desk.clock()
    async with desk.db.write() as tx:
        current = await queries.find_shipment(tx, account_id, shipment_id, lock=True)
        if current is not None and current.row.state == CANCELLING:
            state = READY if faults else CANCELLED
            told = [fault.to_wire(409) for fault in faults]
            await operations.move(desk.db, tx, current, state, now=now, faults=told)
    return faults


def _is_left_to_worker(desk: Desk, carrier: carriers.Carrier) -> bool:
    return carriers.is_asked_by_worker(carrier) and not desk.is_worker


async def _await_worker(desk: Desk, account_id: int, shipment_id: int) -> None:
    """A job is due for the shipment: whichever worker takes it. Raises Unreachable when none has in time."""
    try:
        async with asyncio.timeout(desk.patience_seconds):
            while True:
                async with desk.db.read() as tx:
                    found = await queries.find_shipment(tx, account_id, shipment_id)
                if found is None or found.row.state not in _AFTER_ANSWER:
                    return
                await asyncio.sleep(_GLANCE_SECONDS)
    except TimeoutError:
        raise carriers.Unreachable(message("No worker had an answer in time.")) from None


_GLANCE_SECONDS = 0.1


async def read_consignment(desk: Desk, account_id: int, shipment_id: int) -> tuple[Shipment, carriers.Consignment]:
    account_setup = await setup.read_setup(desk.db, account_id, now=desk.clock())
    async with desk.db.read() as tx:
        found = await queries.find_shipment(tx, account_id, shipment_id)
    if found is None:
        raise errors.NotFound(queries.no_such_shipment())
    return found, to_consignment(found, account_setup, desk.vault)


def find_carrier(desk: Desk, consignment: carriers.Consignment) -> carriers.Carrier:
    """A carrier that is not installed here may be where the next attempt is made."""
    code = consignment.option_code.partition(":")[0]
    carrier = desk.options.carrier_of(consignment.option_code)
    if carrier is None:
        raise carriers.Unreachable(message("The carrier {code} is not installed here.", code=code))
    return carrier


async def ask(desk: Desk, question: Awaitable[T]) -> T:
    """Raises Unreachable for an answer that does not come in time, whoever makes the carrier's code."""
    try:
        async with asyncio.timeout(desk.patience_seconds):
            return await question
    except TimeoutError:
        raise carriers.Unreachable(
            message(
                "The carrier did not answer within {patience_seconds} seconds.", patience_seconds=desk.patience_seconds
            )
        ) from None


async def _fail(desk: Desk, account_id: int, shipment_id: int, faults: Sequence[errors.Fault]) -> None:
    """Nothing was made: an announcement has failed, a cancellation has nothing left to do."""
    now = desk.clock()
    async with desk.db.write() as tx:
        current = await queries.find_shipment(tx, account_id, shipment_id, lock=True)
        if current is None or current.row.state not in _AFTER_ANSWER:
            return
        state = FAILED if current.row.state == ANNOUNCING else CANCELLED
        told = [fault.to_wire(400) for fault in faults]
        await operations.move(desk.db, tx, current, state, now=now, faults=told)


def _to_faults(rejection: carriers.Rejected) -> list[errors.Fault]:
    return [replace(fault, code="parcel_announcement_error") for fault in rejection.faults]


async def _to_documents(desk: Desk, found: Shipment, announcement: carriers.Announcement) -> list[dict[str, Any]]:
    """Rows of the documents; where there is a store, their contents are in it when this returns."""
    rows = []
    now = desk.clock()
    for parcel, told in zip(found.parcels, announcement.parcels, strict=True):
        for document in told.documents:
            row = {"account_id": parcel.account_id, "parcel_id": parcel.id, "kind": document.kind, "created_at": now}
            row |= {"size": document.size, "mime_type": document.mime_type, "content": document.content}
            if desk.store is not None:
                key = storage.to_key(parcel.account_id, found.row.uuid, parcel.id, document.kind)
                await desk.store.put(key, document.content)
                row["content"] = None
            rows.append(row)
    return rows


async def read_content(desk: Desk, account_id: int, row: Any) -> bytes:
    """Of a row of `queries.find_contents`. Raises Unavailable."""
    if row.content is not None:
        return bytes(row.content)
    if desk.store is None:
        raise errors.Unavailable(message("The store of this document is not configured."))
    return await desk.store.get(storage.to_key(account_id, row.uuid, row.parcel_id, row.kind))
