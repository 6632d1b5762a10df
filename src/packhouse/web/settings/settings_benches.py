"""Settings: the benches of the packing station, their printers, and the tokens of their print agents."""

from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.packing_station import operations, print_jobs, printer_states, queries, schema
from packhouse.packing_station.schema import Printer, Settings
from packhouse.web.frame import confirm, forms, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome

_PLACE = "/settings/benches"
_SHOWN_TESTS = 6


async def show_benches(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def show_bench(request: Request) -> Response:
    return await _show(request, await web_users.owner(request), chosen=_to_id(request))


def _to_id(request: Request) -> int:
    return forms.to_id(request, message("bench"))


async def _show(
    request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH, *, chosen: int | None = None
) -> Response:
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        benches = await queries.list_benches(tx, account_id)
        bench = None if chosen is None else await queries.get_bench(tx, account_id, chosen)
        troubles = await printer_states.list_troubles(tx, account_id, now=context.of(request).clock())
        printed = [] if chosen is None else await queries.list_print_jobs(tx, account_id, chosen, _SHOWN_TESTS)
    values: dict[str, Any] = {
        "benches": benches,
        "troubles": troubles,
        "tests": [row for row in printed if orjson.loads(row.document)["kind"] == schema.TEST_PAGE],
        "chosen": bench,
        "shown": bench.settings if bench is not None else Settings(),
        "ways": schema.WAYS,
        "formats": schema.FORMATS,
        "dpis": schema.DPIS,
        "label_papers": schema.LABEL_PAPERS,
        "document_papers": schema.DOCUMENT_PAPERS,
        "prints": schema.PRINTS,
        "networks": context.of(request).settings.printer_networks,
        "base_url": http.base_url(request),
    }
    return forms.render(request, "settings_benches.html", web_user, outcome, **values)


def _read(change: Change) -> Settings:
    return Settings(
        verify=change.text("verify"),
        singles=change.is_ticked("singles"),
        prints=tuple(kind for kind in schema.PRINTS if kind in change.texts("prints")),
        label=_read_printer(change, schema.LABEL),
        documents=_read_printer(change, schema.DOCUMENTS),
    )


def _read_printer(change: Change, name: str) -> Printer:
    dpi = change.text(f"{name}/dpi") or str(schema.DPIS[0])
    way, paper, format, target = (change.text(f"{name}/{field}") for field in ("way", "paper", "format", "target"))
    return Printer(way, paper, format, target, int(dpi) if dpi in map(str, schema.DPIS) else 0)


async def create_bench(request: Request) -> Response:
    async def work(change: Change) -> None:
        name, settings = change.text("name"), _read(change)
        await operations.create_bench(change.tx, change.web_user.caller, name, settings, now=change.now)

    return await forms.carry_out(request, "bench", work, _show, _PLACE)


async def change_bench(request: Request) -> Response:
    id = _to_id(request)

    async def work(change: Change) -> None:
        name, settings = change.text("name"), _read(change)
        await operations.change_bench(change.tx, change.web_user.caller, id, name, settings, now=change.now)

    async def show(request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
        return await _show(request, web_user, outcome, chosen=id)

    return await forms.carry_out(request, "bench", work, show, _PLACE)


async def delete_bench(request: Request) -> Response:
    id = _to_id(request)

    async def work(change: Change) -> None:
        await operations.delete_bench(change.tx, change.web_user.caller, id, now=change.now)

    return await forms.carry_out(request, "delete", work, _show, _PLACE)


async def print_test_page(request: Request) -> Response:
    """On one of the bench's printers, as a print job like any other."""
    id, printer = _to_id(request), request.path_params["printer"]

    async def work(change: Change) -> None:
        if printer not in schema.PRINTERS:
            raise HTTPException(404)
        bench = await queries.get_bench(change.tx, change.account_id, id, lock=True)
        await print_jobs.write_test_page(change.tx, change.account_id, bench, printer, now=change.now)

    return await forms.carry_out(request, "test", work, _show, f"{_PLACE}/{id}?sent={printer}")


async def make_token(request: Request) -> Response:
    """Shown once, in the answer."""
    id = _to_id(request)

    async def work(change: Change) -> dict[str, str]:
        made = await operations.make_token(change.tx, change.web_user.caller, id, now=change.now)
        return {"token": made}

    async def show(request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
        return await _show(request, web_user, outcome, chosen=id)

    return await confirm.carry_out(request, "token", work, show, f"{_PLACE}/{id}")


ROUTES = [
    Route("GET", _PLACE, show_benches),
    Route("POST", _PLACE, create_bench),
    Route("GET", f"{_PLACE}/{{id}}", show_bench),
    Route("POST", f"{_PLACE}/{{id}}", change_bench),
    Route("POST", f"{_PLACE}/{{id}}/delete", delete_bench),
    Route("POST", f"{_PLACE}/{{id}}/test/{{printer}}", print_test_page),
    Route("POST", f"{_PLACE}/{{id}}/token", make_token),
]
