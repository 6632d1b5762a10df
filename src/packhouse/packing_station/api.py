"""What a print agent asks for: the next job of its bench, and to be told what became of it.

An agent has a token of its bench and nothing else: it sees the print jobs of that bench, and no order, no page and no
other route opens to it. It is a part of Packhouse, like the page, so this is no part of the described API.
"""

import asyncio
import re
from base64 import b64encode
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.context import Context
from packhouse.kit import errors, http, security
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.packing_station import operations, print_jobs, printer_states, printing, queries, schema
from packhouse.packing_station.tables import PrintJobRow

LONGEST_WAIT_SECONDS = 25.0
_LOOK_SECONDS = 0.25
_TOKEN = re.compile(r"phb\.([1-9][0-9]{0,17})\.([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{40,80})")
_MOST_ERROR = 300


class Agent(NamedTuple):
    account_id: int
    bench_id: int


async def _find_agent(request: Request) -> Agent:
    """Raises Unauthenticated."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    found = _TOKEN.fullmatch(token.strip()) if scheme.lower() == "bearer" else None
    if found is not None:
        agent = Agent(int(found[1]), int(found[2]))
        async with context.of(request).db.read() as tx:
            hashed = await queries.find_token_hash(tx, *agent)
        if hashed is not None and security.is_secret(found[3], hashed):
            http.request_info(request).account_id = agent.account_id
            return agent
    raise errors.Unauthenticated(
        errors.ErrorItem("authentication_failed", message("The token is not that of a bench.")),
        {"WWW-Authenticate": "Bearer"},
    )


async def claim_job(request: Request) -> Response:
    """Wait for the next print job: its content and where it goes, or 204 when there was none for a while. A job whose
    claimant says nothing for a minute is given out again, under the same reference."""
    agent = await _find_agent(request)
    ctx = context.of(request)
    wait = _read_wait(request.query_params.get("wait", ""))
    await ctx.db.write(lambda tx: operations.see_agent(tx, *agent, now=ctx.clock()))
    for _ in range(max(1, round(wait / _LOOK_SECONDS))):
        if (row := await _claim(ctx, agent)) is not None:
            answer = await _to_answer(ctx, agent, row)
            if answer is not None:
                return answer
        if ctx.stopping.is_set() or wait == 0 or await request.is_disconnected():
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return Response(status_code=204)


def _read_wait(text: str) -> float:
    return min(float(text), LONGEST_WAIT_SECONDS) if re.fullmatch(r"[0-9]{1,3}", text) else LONGEST_WAIT_SECONDS


async def _claim(ctx: Context, agent: Agent) -> Any:
    """Looked for without a lock first: most looks find nothing."""
    async with ctx.db.read() as tx:
        if await queries.find_next_for_agent(tx, *agent, now=ctx.clock(), lock=False) is None:
            return None
    return await ctx.db.write(lambda tx: print_jobs.claim(tx, *agent, now=ctx.clock()))


async def _to_answer(ctx: Context, agent: Agent, row: PrintJobRow) -> Response | None:
    """None where there is nothing to print any more, which is written down."""
    try:
        made = await printing.render(ctx, agent.account_id, row)
    except errors.NotFound as refusal:
        why = refusal.faults[0].detail
        await ctx.db.write(lambda tx: print_jobs.settle(tx, agent.account_id, row.id, now=ctx.clock(), error=why))
        return None
    kept = orjson.loads(row.document)
    told = {
        "id": row.id,
        "reference": row.reference,
        "attempt": row.attempts,
        "printer": row.printer,
        "target": kept["target"],
        "paper": kept["paper"],
        "kind": kept["kind"],
        "order_number": row.order_number,
        "mime_type": made.mime_type,
        "content": b64encode(made.content).decode(),
    }
    return http.json_response(told)


async def settle_job(request: Request) -> Response:
    """Take `{"attempt": 1, "error": ""}`: printed, or why not. Raises Invalid, NotFound and Conflict."""
    agent = await _find_agent(request)
    ctx = context.of(request)
    try:
        sent = orjson.loads(await http.read_body(request))
        attempt, error = int(sent["attempt"]), str(sent.get("error") or "")[:_MOST_ERROR]
        id = int(request.path_params["id"][:18])
    except (ValueError, TypeError, LookupError, AttributeError):
        detail = message("“attempt” is the number that came with the job, “error” a text.")
        raise errors.Invalid(errors.ErrorItem("invalid", detail)) from None
    async with ctx.db.read() as tx:
        row = await queries.get_print_job(tx, agent.account_id, id)
    if row.bench_id != agent.bench_id:
        raise errors.NotFound(queries.no_such_job())
    await ctx.db.write(
        lambda tx: print_jobs.settle(tx, agent.account_id, id, now=ctx.clock(), error=error, attempts=attempt)
    )
    return Response(status_code=204)


async def tell_states(request: Request) -> Response:
    """Take `{"states": {"label": ["media-empty"]}}`: for each printer that has news, why it does not print. Answer
    with the printers of the bench that the agent prints to. Raises Invalid."""
    agent = await _find_agent(request)
    ctx = context.of(request)
    try:
        told = orjson.loads(await http.read_body(request))["states"]
        states = {name: printer_states.to_reasons(map(str, told[name])) for name in told if name in schema.PRINTERS}
    except (ValueError, TypeError, LookupError, AttributeError):
        detail = message("“states” holds a list of reasons for each printer.")
        raise errors.Invalid(errors.ErrorItem("invalid", detail)) from None

    async def work(tx: Transaction) -> None:
        await operations.see_agent(tx, *agent, now=ctx.clock())
        for name, reasons in states.items():
            await printer_states.keep(tx, *agent, name, reasons, now=ctx.clock())

    await ctx.db.write(work)
    async with ctx.db.read() as tx:
        bench = await queries.get_bench(tx, *agent)
    used = {name: bench.settings.printer(name) for name in schema.PRINTERS}
    return http.json_response(
        {"printers": {n: printer.target for n, printer in used.items() if printer.way == "agent"}}
    )


ROUTES = [
    Route("POST", "/print-agent/printers", tell_states),
    Route("POST", "/print-agent/jobs/next", claim_job),
    Route("POST", "/print-agent/jobs/{id}", settle_job),
]
