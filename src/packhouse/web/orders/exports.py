"""Export: what the list's filter shows, or the orders that are ticked, as a file that is written while it is sent."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import IO, Any, NamedTuple

import orjson
from babel.numbers import get_decimal_symbol
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.data import zones
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.orders import queries, search
from packhouse.orders.files import write
from packhouse.orders.profile import PROFILES
from packhouse.shipping import shipped
from packhouse.web.frame import languages, rendering, web_users
from packhouse.web.orders import orders

_AT_ONCE = 100
_MOST_TICKED = 200
_IN_MEMORY = 1_000_000
_PIECE = 1 << 16
# What a browser is told of each, and what its name ends with.
_KINDS = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "excel-csv": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "json": ("application/json", "json"),
    "jsonl": ("application/x-ndjson", "jsonl"),
    "shopify-tracking": ("text/csv; charset=utf-8", "csv"),
    "woocommerce-tracking": ("text/csv; charset=utf-8", "csv"),
    "amazon-tracking": ("text/tab-separated-values; charset=utf-8", "txt"),
}


class _Asked(NamedTuple):
    """Who asks for which form, and what takes each order's place in the file."""

    request: Request
    web_user: web_users.WebUser
    form: str


# Of each order: id, created_at, modified_at, document.
_Rows = Sequence[queries.StoredOrder]


async def export_found(request: Request) -> Response:
    """What the list shows, all pages of it. Of a list that only the page sorts, the newest come first."""
    web_user = await web_users.require_user(request)
    asked = _Asked(request, web_user, _to_form(request.query_params.get("format", "")))
    state = orders.read_state(request)
    if asked.form in write.TRACKING and state.show == "incoming":
        state = state._replace(show="shipped")
    filters, faults = orders.to_filters(state, zones.to_zone(web_user.session.time_zone))
    if faults:
        # The list says so at the field and shows all orders; a file would hold them without a word.
        raise errors.Invalid([errors.ErrorItem("invalid", detail, parameter=name) for name, detail in faults.items()])
    return _send(asked, _find_rows(asked, state, filters))


async def export_ticked(request: Request) -> Response:
    web_user = await web_users.require_user(request)
    form = await web_users.read_form(request, web_user.token)
    asked = _Asked(request, web_user, _to_form(web_users.text(form, "format")))
    return _send(asked, _find_ticked(asked, web_users.ids(web_users.texts(form, "id"), _MOST_TICKED)))


def _to_form(name: str) -> str:
    """Raises Invalid."""
    if name not in _KINDS:
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("Choose what kind of file it is to be."), parameter="format")
        )
    return name


async def _find_rows(asked: _Asked, state: orders.State, filters: dict[str, Any]) -> AsyncIterator[_Rows]:
    """Each page is a read of its own, so that a slow browser holds no snapshot open."""
    cursor = orders.FIRST_PAGE
    while cursor is not None:
        async with context.of(asked.request).db.read() as tx:
            page = await orders.read_whole(tx, asked.web_user.session.account_id, state, filters, cursor, _AT_ONCE)
        yield [queries.to_stored(row) for row in page.rows]
        cursor = page.next


async def _find_ticked(asked: _Asked, ids: Sequence[int]) -> AsyncIterator[_Rows]:
    async with context.of(asked.request).db.read() as tx:
        stored = await search.find_stored(tx, asked.web_user.session.account_id, ids)
    found = {row.id: queries.to_stored(row) for row in stored}
    yield [found[id] for id in ids if id in found]


def _send(asked: _Asked, pages: AsyncIterator[_Rows]) -> Response:
    kind, suffix = _KINDS[asked.form]
    day = context.of(asked.request).clock().astimezone(zones.to_zone(asked.web_user.session.time_zone)).date()
    what = asked.form if asked.form in write.TRACKING else "orders"
    headers = {**rendering.headers(asked.request)}
    headers["Content-Disposition"] = f'attachment; filename="{what}-{day.isoformat()}.{suffix}"'
    written = _write_tracking if asked.form in write.TRACKING else _write_orders
    return StreamingResponse(written(asked, pages), media_type=kind, headers=headers)


async def _write_orders(asked: _Asked, pages: AsyncIterator[_Rows]) -> AsyncIterator[bytes]:
    """A page at a time; a workbook is packed on disk and sent when it is whole."""
    id_is_text = PROFILES[context.of(asked.request).settings.profile].id_is_text
    with _open_target(asked.form) as target:
        writer = await asyncio.to_thread(write.open_writer, asked.form, target, to_style(asked.request))
        async for rows in pages:
            await asyncio.to_thread(_add, writer, [queries.to_wire(row, id_is_text=id_is_text) for row in rows])
            for piece in _take(target):
                yield piece
        await asyncio.to_thread(writer.close)
        for piece in _take(target):
            yield piece


def _open_target(form: str) -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY) if form == write.WORKBOOK else io.BytesIO()


def _add(writer: write.Writer, found: Iterable[str]) -> None:
    for order in found:
        writer.add(order)


def _take(target: IO[bytes]) -> Iterable[bytes]:
    """What was written meanwhile, out of the way of what comes."""
    if not target.tell():
        return
    target.seek(0)
    while piece := target.read(_PIECE):
        yield piece
    target.seek(0)
    target.truncate()


async def _write_tracking(asked: _Asked, pages: AsyncIterator[_Rows]) -> AsyncIterator[bytes]:
    account_id, target = asked.web_user.session.account_id, io.BytesIO()
    zone = zones.to_zone(asked.web_user.session.time_zone)
    tracking = write.open_tracking(asked.form, target)
    async for rows in pages:
        for id, *_, document in rows:
            async with context.of(asked.request).db.read() as tx:
                tracking.add(await shipped.list_parcels(tx, account_id, id, orjson.loads(document), zone))
        for piece in _take(target):
            yield piece
    for piece in _take(target):
        yield piece


def to_style(request: Request) -> write.Style:
    """How the spreadsheet of the reader's language cuts cells: where numbers have a comma, a comma separates none."""
    decimal = str(get_decimal_symbol(languages.locale(languages.negotiate(request))))
    return write.Style(";", ",") if decimal == "," else write.Style(",", ".")


ROUTES = [
    Route("GET", "/orders/export", export_found),
    Route("POST", "/orders/export", export_ticked),
]
