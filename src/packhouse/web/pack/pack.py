"""The packing station: one screen for a scanner. What a scan means is decided below; here it becomes a page."""

import secrets
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.context import Context
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import from_stored
from packhouse.packing_station import operations, print_jobs, printer_states, printing, queries, schema, station
from packhouse.packing_station.turn import DONE, Scan
from packhouse.printing import printers
from packhouse.web.frame import languages, rendering, web_users
from packhouse.web.frame.languages import marked
from packhouse.web.pack import code_128, opened

SCOPE = "write:parcel"
BENCH_COOKIE = "packhouse_bench"
_YEAR_SECONDS = 365 * 86_400

# What the command card says beside each barcode, in the order of `schema.COMMANDS`.
COMMAND_NAMES = {
    "PHDONE": marked("Done: make the label"),
    "PHCLOSE": marked("Close without packing"),
    "PHNEXT": marked("Next order of the batch"),
    "PHNEXTBOX": marked("Next box"),
    "PHREPRINT": marked("Print again"),
    "PHUNDO": marked("Undo"),
    "PHGO": marked("GO: yes"),
    "PHNO": marked("NO: leave it"),
    "PHHOLDSHORT": marked("Put aside: an item is missing"),
    "PHHOLDBROKEN": marked("Put aside: an item is damaged"),
    "PHHOLDOTHER": marked("Put aside: somebody has to look at it"),
}
_STATES = {
    print_jobs.WAITING: marked("waits"),
    print_jobs.SENT: marked("at the printer"),
    print_jobs.PRINTED: marked("printed"),
    print_jobs.FAILED: marked("not printed"),
}
_KINDS = {
    "label": marked("Label"),
    "customs-declaration": marked("Customs declaration"),
    "commercial-invoice": marked("Commercial invoice"),
    "packing-slip": marked("Packing slip"),
    schema.TEST_PAGE: marked("Test page"),
}


async def show_station(request: Request) -> Response:
    """The bench that this browser stands at, or the choice of one."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    ctx, account_id = context.of(request), web_user.session.account_id
    async with ctx.db.read() as tx:
        benches = await queries.list_benches(tx, account_id)
    bench = next((found for found in benches if str(found.id) == request.cookies.get(BENCH_COOKIE)), None)
    if bench is None or "choose" in request.query_params:
        return rendering.render(request, "pack_benches.html", web_user, benches=benches)
    return await _render(request, web_user, bench.id)


async def choose_bench(request: Request) -> Response:
    """The first bench is made by whoever packs first."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ctx = context.of(request)

    async def work(tx: Transaction) -> int | None:
        benches = await queries.list_benches(tx, web_user.session.account_id)
        if benches:
            return next((bench.id for bench in benches if str(bench.id) == web_users.text(form, "bench")), None)
        name = languages.translate(languages.negotiate(request), marked("Bench 1"))
        return await operations.create_bench(tx, web_user.caller, name, schema.Settings(), now=ctx.clock())

    id = await ctx.db.write(work)
    answer = rendering.redirect(request, "/pack" if id is not None else "/pack?choose=1")
    if id is not None:
        web_users.set_cookie(request, answer, BENCH_COOKIE, str(id), _YEAR_SECONDS)
    return answer


async def take_scan(request: Request) -> Response:
    """What was scanned, typed or touched; a label that this comes to is made before the answer."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ctx, bench_id = context.of(request), _to_bench_id(web_users.text(form, "bench"))
    text = (web_users.text(form, "command") or web_users.text(form, "text")).replace("\0", "")[: schema.MAX_SCAN]
    if text:
        key = web_users.text(form, "key")[:64] or secrets.token_hex(8)
        scan = Scan(text, key, web_users.text(form, "way") != "scan")
        now = ctx.clock()
        outcome = await ctx.db.write(lambda tx: station.take(tx, web_user.caller, bench_id, scan, ctx.options, now=now))
        if outcome.tone == DONE and outcome.order_id is not None:
            await printing.make_label(ctx, web_user.session.account_id, outcome.order_id)
    if not rendering.is_partial(request):
        return rendering.redirect(request, "/pack")
    return await _render(request, web_user, bench_id)


def _to_bench_id(text: str) -> int:
    found = web_users.ids([text], 1)
    if not found:
        raise HTTPException(404)
    return found[0]


async def show_now(request: Request) -> Response:
    """The station as it is now: labels and print jobs that were waited for."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    return await _render(request, web_user, _to_bench_id(request.cookies.get(BENCH_COOKIE, "")))


async def _render(request: Request, web_user: web_users.WebUser, bench_id: int) -> Response:
    ctx = context.of(request)
    async with ctx.db.read() as tx:
        values = await _find_values(ctx, tx, web_user, bench_id)
    template = "pack_station.html" if rendering.is_partial(request) else "pack.html"
    return rendering.render(request, template, web_user, **values)


async def _find_values(ctx: Context, tx: Reader, web_user: web_users.WebUser, bench_id: int) -> dict[str, Any]:
    account_id = web_user.session.account_id
    bench = await queries.get_bench(tx, account_id, bench_id)
    jobs = await queries.list_shown_jobs(tx, account_id, bench_id)
    unfinished = await queries.list_unfinished(tx, account_id, bench_id)
    told = bench.told or {"tone": "quiet", "words": "", "text": ""}
    is_busy = bool(unfinished) or any(job.state in (print_jobs.WAITING, print_jobs.SENT) for job in jobs)
    away = await printer_states.find_away(tx, account_id, now=ctx.clock())
    return {
        "bench": bench,
        "troubles": printer_states.find_troubles(bench, agent_is_away=bench.id in away),
        "packed": await queries.count_packed(tx, account_id, bench_id, queries.start_of_day(ctx.clock())),
        "told": {**told, "words": from_stored(told["words"])},
        "asks": None if bench.asks is None else {**bench.asks, "words": from_stored(bench.asks["words"])},
        "codes": {name: code_128.to_svg(name, name) for name in ("PHGO", "PHNO")} if bench.asks else {},
        "opened": await opened.find_opened(ctx, tx, account_id, bench),
        "mine": await opened.find_batch(tx, account_id, web_user.caller.actor),
        "jobs": [{"row": job, "kind": orjson.loads(job.document)["kind"]} for job in jobs],
        "unfinished": unfinished,
        "is_busy": is_busy,
        "states": _STATES,
        "kinds": _KINDS,
        "outside_images": ctx.settings.outside_images,
        "commands": [name for name in COMMAND_NAMES if name not in ("PHGO", "PHNO")],
        "names": COMMAND_NAMES,
    }


async def get_content(request: Request) -> Response:
    """What a print job prints: for the browser's own dialog."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    ctx, account_id = context.of(request), web_user.session.account_id
    async with ctx.db.read() as tx:
        row = await queries.get_print_job(tx, account_id, _to_job_id(request))
    made = await printing.render(ctx, account_id, row)
    if made.mime_type == "application/pdf":
        return rendering.document(request, made.content, "print.pdf")
    headers = {**rendering.headers(request), "Content-Disposition": 'attachment; filename="print"'}
    return Response(made.content, media_type=made.mime_type, headers=headers)


def _to_job_id(request: Request) -> int:
    return _to_bench_id(request.path_params["id"])


async def note_printed(request: Request) -> Response:
    """The browser's dialog was opened with it; whether paper came out, who stands there sees."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ctx, account_id, id = context.of(request), web_user.session.account_id, _to_job_id(request)
    error = web_users.text(form, "error")
    await ctx.db.write(lambda tx: print_jobs.settle_in_browser(tx, account_id, id, now=ctx.clock(), error=error))
    return Response(status_code=204)


async def reprint(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    await web_users.read_form(request, web_user.token)
    ctx, id = context.of(request), _to_job_id(request)
    async with ctx.db.read() as tx:
        row = await queries.get_print_job(tx, web_user.session.account_id, id)
    await ctx.db.write(lambda tx: print_jobs.reprint(tx, web_user.caller, id, now=ctx.clock()))
    if not rendering.is_partial(request):
        return rendering.redirect(request, "/pack")
    return await _render(request, web_user, row.bench_id)


async def print_card(request: Request) -> Response:
    """The command barcodes, to hang up beside the scanner."""
    await web_users.require_user(request, scope=SCOPE)
    tag = languages.negotiate(request)
    named = [(code, str(languages.translate(tag, COMMAND_NAMES[code]))) for code in schema.COMMANDS]
    title = str(languages.translate(tag, marked("Commands of the packing station")))
    body = await printers.run("command-card", title, named)
    return rendering.document(request, body, "commands.pdf")


ROUTES = [
    Route("GET", "/pack", show_station),
    Route("POST", "/pack/bench", choose_bench),
    Route("POST", "/pack/scan", take_scan),
    Route("GET", "/pack/now", show_now),
    Route("GET", "/pack/card", print_card),
    Route("GET", "/pack/jobs/{id}/content", get_content),
    Route("POST", "/pack/jobs/{id}/printed", note_printed),
    Route("POST", "/pack/jobs/{id}/reprint", reprint),
]
