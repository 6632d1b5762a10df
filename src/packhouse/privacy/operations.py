"""What is done about personal data: one person erased, how long an account keeps it.

An erasure is many small transactions. What could no longer be found without the orders goes first, the orders go last:
so one that was killed is begun anew and finds the person again.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from packhouse.accounts import audit
from packhouse.accounts import erasure as accounts
from packhouse.accounts.schema import Caller
from packhouse.context import Context
from packhouse.integrations import erasure as logs
from packhouse.kit import jobs, queue_erasure
from packhouse.kit.db import Database, Transaction
from packhouse.orders import erasure as orders
from packhouse.orders import import_erasure
from packhouse.orders.persons import Person
from packhouse.privacy import queries
from packhouse.privacy.queries import Found, Retention
from packhouse.privacy.schema import Report
from packhouse.privacy.tables import retention_settings
from packhouse.shipping import erasure as shipments
from packhouse.shipping.announce import GRACE
from packhouse.webhooks import erasure as webhooks

FINISH_JOB = "privacy.finish"
RETAIN_JOB = "privacy.retain"
_LANE = "privacy"


async def erase_person(ctx: Context, caller: Caller, person: Person) -> Report:
    """Raises Unavailable; what was done until then stays done."""
    found = await queries.find_person(ctx.db, caller, person)
    report = Report()
    await _erase_around(ctx.db, caller, person, found, report)
    async with ctx.db.read() as tx:
        retention = await queries.find_retention(tx, caller.account_id)
    await _erase_shipments(ctx, caller, found, retention, report)
    author = orders.Author(caller.actor, caller.country_code)
    ids = found.orders
    report.orders = await orders.erase_orders(ctx.db, caller.account_id, ids, found.words, author, now=ctx.clock())
    # What was shipped while the order was still as it had been.
    late = await shipments.list_ids(ctx.db, caller.account_id, (), ids)
    await _erase_shipments(ctx, caller, found._replace(shipments=_without(late, found.shipments)), retention, report)

    async def work(tx: Transaction) -> None:
        subject = f"{report.orders} orders, {report.shipments} shipments"
        await audit.record(tx, caller.account_id, caller.actor, "person.erased", subject, now=ctx.clock())

    await ctx.db.write(work)
    await ctx.db.forget_old_pages()
    return report


def _without(shipped: Mapping[int, list[int]], known: Collection[int]) -> dict[int, list[int]]:
    return {id: parcels for id, parcels in shipped.items() if id not in known}


async def _erase_around(db: Database, caller: Caller, person: Person, found: Found, report: Report) -> None:
    """All but orders and shipments themselves."""
    account_id, words = caller.account_id, found.words
    report.import_records = await import_erasure.erase_records(
        db, account_id, person, words, found.keys, caller.country_code
    )
    report.deliveries = await webhooks.erase_deliveries(db, account_id, found.list_subjects(), words)
    report.integration_logs = await logs.erase_logs(db, account_id, words)
    report.idempotency_keys = await queue_erasure.erase_answers(db, account_id, words)
    report.jobs = await queue_erasure.erase_payloads(db, account_id, words)
    report.audit_entries = await accounts.erase_entries(db, account_id, words)


async def _erase_shipments(ctx: Context, caller: Caller, found: Found, retention: Retention, report: Report) -> None:
    edge = retention.find_documents_edge(ctx.clock())
    erased = await shipments.erase_shipments(ctx, caller.account_id, found.shipments, found.words, keep_after=edge)
    report.shipments += erased.shipments
    report.documents += erased.documents
    report.documents_kept += erased.kept
    report.shipments_postponed += len(erased.postponed)
    if erased.postponed:
        await postpone(ctx, caller.account_id, erased.postponed)


async def postpone(ctx: Context, account_id: int, ids: list[int]) -> None:
    """Erase these shipments once it is known whether they have labels."""
    now = ctx.clock()

    async def work(tx: Transaction) -> None:
        payloads = [{"shipments": ids}]
        await jobs.enqueue(tx, account_id, FINISH_JOB, payloads, now=now, due_at=now + GRACE)

    await ctx.db.write(work)


async def change_retention(
    tx: Transaction, caller: Caller, sent: Mapping[str, int | None], *, now: datetime
) -> Retention:
    """What was not sent stays. From now on a job of the account looks every day for what is over."""
    before = await queries.find_retention(tx, caller.account_id)
    after = before._replace(**sent)
    row = {"account_id": caller.account_id, **after._asdict(), "updated_at": now, "updated_by": caller.actor}
    await tx.upsert(retention_settings, [row])
    subject = f"orders {_to_days(after.days)}, customs papers {_to_days(after.documents_days)}"
    await audit.record(tx, caller.account_id, caller.actor, "retention.changed", subject, now=now)
    if not after.keeps_all():
        await schedule(tx, caller.account_id, now=now, due_at=now)
    return after


def _to_days(days: int | None) -> str:
    return "for ever" if days is None else f"{days} days"


async def schedule(
    tx: Transaction,
    account_id: int,
    *,
    now: datetime,
    due_at: datetime,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """The next look of the account; another that waits is taken away."""
    await jobs.remove_waiting(tx, account_id, _LANE)
    payloads = [dict(payload or {})]
    await jobs.enqueue(tx, account_id, RETAIN_JOB, payloads, now=now, lane=_LANE, due_at=due_at)


async def record_export(tx: Transaction, caller: Caller, exported: Mapping[str, Any], *, now: datetime) -> None:
    """That somebody was told, and how much; not of whom."""
    subject = f"{len(exported['orders'])} orders, {len(exported['shipments'])} shipments"
    await audit.record(tx, caller.account_id, caller.actor, "person.exported", subject, now=now)
