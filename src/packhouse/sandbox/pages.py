"""The page of the journal: the requests of an account, one of them in full."""

import secrets
from functools import cache
from typing import Any
from urllib.parse import urlencode

import jinja2
import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from packhouse.kit import errors, http
from packhouse.sandbox import as_test, compare, replay
from packhouse.sandbox.access import bench_of, read_number, read_wanted, world_of
from packhouse.sandbox.journal import Body, Entry
from packhouse.sandbox.world import World

_SHOWN = 200
_REFRESH_SECONDS = 2


@cache
def _load_page() -> jinja2.Template:
    """The sandbox speaks English alone, so its page is none of the catalogues'."""
    loader = jinja2.PackageLoader("packhouse.sandbox")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True).get_template("journal.html")


def to_url(world: World, entry: Entry | None = None) -> str:
    named = {"account": world.name, **({} if entry is None else {"request": entry.id})}
    return f"/sandbox?{urlencode(named)}"


async def show_journal(request: Request) -> Response:
    world = await world_of(request)
    entries = world.journal.list_entries(read_wanted(request), limit=_SHOWN)
    id = request.query_params.get("request", "")
    entry = world.journal.find(read_number(request, "request")) if id else None
    other = world.journal.find(read_number(request, "with")) if entry else None
    nonce = secrets.token_urlsafe(16)
    shown: dict[str, Any] = {
        "world": world,
        "worlds": bench_of(request).worlds.values(),
        "entries": entries[::-1],
        "entry": entry,
        "curl": entry and replay.to_curl(entry, world, http.base_url(request)),
        "test": entry and _to_test(entry, world),
        "other": other,
        "differences": entry and other and compare.find_differences(other, entry),
        "previous": entry and _find_previous(entry, world),
        "query": request.query_params,
        "base_url": http.base_url(request),
        "now": world.clock(),
        "refresh": None if entry else _REFRESH_SECONDS,
        "to_url": to_url,
        "to_text": _to_text,
        "nonce": nonce,
    }
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(_load_page().render(shown), headers={"Content-Security-Policy": policy})


def _to_test(entry: Entry, world: World) -> str:
    try:
        return as_test.to_test(entry, world)
    except errors.Conflict as error:
        return f"# {error}"


def _find_previous(entry: Entry, world: World) -> Entry | None:
    """The last request before to the same route, which people most often want to compare with."""
    same = [e for e in world.journal if e.id < entry.id and (e.method, e.route) == (entry.method, entry.route)]
    return same[-1] if same else None


def _to_text(body: Body) -> str:
    value = body.to_wire()
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
