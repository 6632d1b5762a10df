"""Printers that the server reaches are asked how they are after each job, and while something is wrong with them."""

from datetime import timedelta
from typing import Any

import orjson

from packhouse.context import Context
from packhouse.kit import errors, jobs
from packhouse.kit.db import Transaction
from packhouse.packing_station import network_printers, printer_states, queries, schema
from packhouse.packing_station.schema import Printer
from packhouse.packing_station.tables import PrintJobRow

JOB = "printer.look"
_AGAIN = timedelta(seconds=15)
_MOST_LOOKS = 240


async def note(ctx: Context, account_id: int, row: PrintJobRow, *, is_away: bool) -> None:
    """Keep how the printer is that was just sent a job: IPP is asked, raw TCP tells no more than whether it answered.
    One that is in trouble is looked after."""
    bench_id, printer = row.bench_id, row.printer
    used = await _find_printer(ctx, account_id, bench_id, printer)
    if used is None or (used.way, used.target) != (row.way, orjson.loads(row.document)["target"]):
        return  # the bench has another printer by now
    if is_away or row.way == "raw":
        reasons = [printer_states.UNREACHABLE] if is_away else []
    else:
        reasons = await _ask_printer(ctx, used)

    async def work(tx: Transaction) -> None:
        try:
            is_news = await printer_states.keep(tx, account_id, bench_id, printer, reasons, now=ctx.clock())
        except errors.NotFound:  # the bench is gone
            return
        if is_news and reasons:
            payload = {"bench": bench_id, "printer": printer}
            due_at = ctx.clock() + _AGAIN
            await jobs.enqueue(tx, account_id, JOB, [payload], now=ctx.clock(), due_at=due_at)

    await ctx.db.write(work)


async def look(ctx: Context, job: jobs.Job) -> None:
    """The job `printer.look`: until the printer is well, for an hour."""
    bench_id, printer = job.payload["bench"], job.payload["printer"]
    used = await _find_printer(ctx, job.account_id, bench_id, printer)
    if used is None or used.way not in schema.PORTS:
        return
    reasons = await _ask_printer(ctx, used)
    await ctx.db.write(lambda tx: printer_states.keep(tx, job.account_id, bench_id, printer, reasons, now=ctx.clock()))
    if reasons and job.attempts < _MOST_LOOKS:
        raise jobs.Reschedule(ctx.clock() + _AGAIN)


async def _find_printer(ctx: Context, account_id: int, bench_id: int, printer: str) -> Printer | None:
    async with ctx.db.read() as tx:
        try:
            bench = await queries.get_bench(tx, account_id, bench_id)
        except errors.NotFound:
            return None
    return bench.settings.printer(printer)


async def _ask_printer(ctx: Context, used: Printer) -> list[str]:
    networks = network_printers.read_networks(ctx.settings.printer_networks)
    ask: Any = network_printers.ask_ipp if used.way == "ipp" else network_printers.ask_raw
    try:
        return printer_states.to_reasons(await ask(used.target, networks))
    except network_printers.NotPrinted:
        return [printer_states.UNREACHABLE]
