"""From a packed order to paper: its print jobs are written once its label is there, each is laid out for its printer,
and those of printers on the network are sent."""

from functools import partial
from typing import Any, NamedTuple

import orjson

from packhouse.accounts import queries as accounts
from packhouse.accounts.schema import Caller
from packhouse.carriers import Unreachable
from packhouse.consignment import EPL
from packhouse.context import Context
from packhouse.kit import errors, jobs
from packhouse.kit.db import Transaction
from packhouse.kit.messages import Message, join, message
from packhouse.orders import plain, search
from packhouse.packing_station import network_printers, operations, print_jobs, printer_watch, queries, schema
from packhouse.packing_station.batches import operations as batches
from packhouse.packing_station.queries import FAILED, LABELLING, PACKED, Packing
from packhouse.packing_station.tables import PrintJobRow
from packhouse.printing import printers
from packhouse.shipping import announce, wire
from packhouse.shipping import operations as shipping
from packhouse.shipping import printing as documents
from packhouse.shipping import queries as shipping_queries
from packhouse.shipping.queries import Shipment
from packhouse.shipping.schema import DPIS, PDF, PNG, ZPL, Label
from packhouse.shipping.setup import setup
from packhouse.shipping.slips import designs

_MIME_TYPES = {"pdf": PDF, "png": PNG, "zpl": ZPL, "epl": EPL}


class Printable(NamedTuple):
    content: bytes
    mime_type: str


async def make_label(ctx: Context, account_id: int, order_id: int) -> list[int]:
    """Ask the carrier now and write the print jobs; what this does not come to, the worker does. Returns the ids of
    the jobs."""
    async with ctx.db.read() as tx:
        found = await queries.find_packing(tx, account_id, order_id)
    if found is None or found.shipment_id is None:
        return []
    try:
        await announce.announce(ctx, account_id, found.shipment_id)
    except (Unreachable, errors.Unavailable):
        return []
    return await ctx.db.write(partial(write_jobs, ctx, account_id, order_id))


async def handle(ctx: Context, job: jobs.Job) -> None:
    """The job `packing.print`: run any number of times, the print jobs are written once."""
    order_id = job.payload["order"]
    await ctx.db.write(partial(write_jobs, ctx, job.account_id, order_id))
    async with ctx.db.read() as tx:
        found = await queries.find_packing(tx, job.account_id, order_id)
    if found is not None and found.state == LABELLING:
        raise jobs.Reschedule(ctx.clock() + jobs.back_off(job.attempts))


async def write_jobs(ctx: Context, account_id: int, order_id: int, tx: Transaction) -> list[int]:
    """Once its shipment is ready. A carrier that refused is told at the bench, and the order is open again."""
    now = ctx.clock()
    found = await queries.find_packing(tx, account_id, order_id, lock=True)
    if found is None or found.state != LABELLING:
        return []
    shipment = await shipping_queries.find_shipment(tx, account_id, found.shipment_id or 0)
    try:
        bench = await queries.get_bench(tx, account_id, found.bench_id)
    except errors.NotFound:
        await operations.keep(tx, account_id, found._replace(state=PACKED), now=now)
        return []
    if shipment is not None and shipment.row.state == shipping.ANNOUNCING:
        return []
    if shipment is None or shipment.row.state != shipping.READY:
        await _tell_failure(tx, account_id, found, shipment, ctx)
        return []
    ids = await print_jobs.write_for_order(tx, account_id, bench, found, shipment, now=now)
    await operations.keep(tx, account_id, found._replace(state=PACKED), now=now)
    caller = Caller(account_id, "", found.by)
    await operations.record(tx, caller, order_id, bench, "printed", now=now, jobs=ids)
    return ids


async def _tell_failure(
    tx: Transaction, account_id: int, found: Packing, shipment: Shipment | None, ctx: Context
) -> None:
    """The bench that is still at it gets the order back, with the carrier's words."""
    faults = wire.from_errors(shipment.row.errors) if shipment is not None else []
    told = join("\n", (fault.detail for fault in faults)) if faults else message("Its label was cancelled.")
    words = message("No label for {number}: {told}", number=found.order_number, told=told)
    now = ctx.clock()
    await operations.keep(tx, account_id, found._replace(state=FAILED, shipment_id=None), now=now)
    bench = await queries.get_bench(tx, account_id, found.bench_id, lock=True)
    await operations.tell(tx, account_id, bench.id, "wrong", words)
    await operations.record(tx, Caller(account_id, "", found.by), found.order_id, bench, "no_label", now=now)
    await batches.put_back(tx, account_id, found.order_id, now=now)
    if bench.order_id is None and bench.asks is None:
        await operations.keep(tx, account_id, found._replace(state=queries.OPEN, shipment_id=None), now=now)
        await operations.open_at(tx, account_id, bench.id, found.order_id)


async def render(ctx: Context, account_id: int, row: PrintJobRow) -> Printable:
    """The content of a print job, on its printer's paper and in its format. Raises ApiError where there is none."""
    kept = orjson.loads(row.document)
    wanted = _MIME_TYPES[kept["format"]]
    if kept["kind"] == schema.TEST_PAGE:
        content = await _render_test_page(ctx, account_id, row, kept)
    elif kept["kind"] == "packing-slip":
        content = await _render_slip(ctx, account_id, row.order_id)
    else:
        async with ctx.db.read() as tx:
            rows = await shipping_queries.find_contents(tx, account_id, kept["parcels"], [kept["kind"]])
        if not rows:
            raise errors.NotFound(shipping_queries.no_such_document())
        contents = [await announce.read_content(ctx, account_id, found) for found in rows]
        if wanted == ZPL and {found.mime_type for found in rows} == {ZPL}:
            return Printable(b"".join(contents), ZPL)
        content = await documents.merge(rows, contents, Label(PDF, DPIS[PDF][0]), None)
    content = await printers.run("fit", content, kept["paper"])
    if wanted == PDF:
        return Printable(content, PDF)
    return Printable(await printers.run("convert", content, PDF, wanted, kept.get("dpi", schema.DPIS[0])), wanted)


async def _render_test_page(ctx: Context, account_id: int, row: PrintJobRow, kept: dict[str, Any]) -> bytes:
    async with ctx.db.read() as tx:
        bench = await queries.get_bench(tx, account_id, row.bench_id)
    told = [bench.name, f"{row.printer}: {row.way} {kept['target']}".strip(), row.reference[:8]]
    told.append(f"{kept['format'].upper()}, {kept.get('dpi', schema.DPIS[0])} dpi, {row.created_at:%Y-%m-%d %H:%M} UTC")
    made: bytes = await printers.run("test-page", kept["paper"], told)
    return made


async def _render_slip(ctx: Context, account_id: int, order_id: int) -> bytes:
    async with ctx.db.read() as tx:
        rows = await search.find_stored(tx, account_id, [order_id])
        zone = await accounts.find_zone(tx, account_id)
    if not rows:
        raise errors.NotFound(message("The order was deleted."))
    account = await setup.read_setup(ctx.db, account_id, now=ctx.clock())
    sender = account.sender_address.get(account.default_sender() or 0)
    order = plain.read(rows[0].document)
    looks = await designs.load_designs(ctx, account_id, [order["order_details"]["integration"]["id"]])
    made: bytes = await printers.run("packing-slips", [order], sender, looks, zone)
    return made


async def send(ctx: Context, job: jobs.Job) -> None:
    """The job `print.send`: at least once, with one reference. A printer that is away is tried again for a while."""
    id = job.payload["print_job"]
    account_id = job.account_id
    row = await ctx.db.write(lambda tx: print_jobs.begin(tx, account_id, id, now=ctx.clock()))
    if row is None:
        return
    failure = await _try_to_send(ctx, account_id, row)
    await printer_watch.note(ctx, account_id, row, is_away=failure is not None and failure.is_away)
    error, attempts = failure.words if failure else "", row.attempts
    await ctx.db.write(
        lambda tx: print_jobs.settle(tx, account_id, id, now=ctx.clock(), error=error, attempts=attempts)
    )
    if failure is not None and job.attempts < _MOST_ATTEMPTS:
        raise jobs.Reschedule(ctx.clock() + jobs.back_off(job.attempts))


_MOST_ATTEMPTS = 6


class _Failure(NamedTuple):
    """Why a job could not be printed."""

    words: Message
    is_away: bool = False


async def _try_to_send(ctx: Context, account_id: int, row: PrintJobRow) -> _Failure | None:
    target = orjson.loads(row.document)["target"]
    try:
        made = await render(ctx, account_id, row)
        networks = network_printers.read_networks(ctx.settings.printer_networks)
        if row.way == "ipp":
            await network_printers.send_ipp(target, made.content, made.mime_type, row.reference, networks)
        else:
            await network_printers.send_raw(target, made.content, networks)
    except network_printers.NotPrinted as error:
        return _Failure(error.words, error.is_away)
    except errors.ApiError as refusal:
        return _Failure(join("\n", (fault.detail for fault in refusal.faults)))
    return None
