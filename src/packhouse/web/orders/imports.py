"""Import: a file is put in, looked through, and stored when a person says so. How far it is stands at its address."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import IO, Any, NamedTuple
from urllib.parse import quote

import orjson
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.data import places, units, zones
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.orders.files import formats, known, mapping, originals, read, store, tables, uploads
from packhouse.orders.files.map import Place
from packhouse.orders.files.records import Broken, Record, UnknownColumns
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.orders import orders

SCOPE = "write:order"
_SHOWN = 10
_RECENT = 20
# Of so many parts with refused records, at most 100 each, a page of them is made.
_PARTS = 3
_MAX_NAME = 200
# What a file may unpack to, as a multiple of what may be put in.
_UNPACKED_TIMES = 5
_DATES = ("day-first", "month-first")
TABLES = (read.CSV, read.WORKBOOK)
CHANGEABLE = (uploads.UNMAPPED, uploads.CHECKED)
_UNDERWAY = (uploads.READING, uploads.CHECKING, uploads.RUNNING)


class Line(NamedTuple):
    """A record as a person would know it again; whatever it lacks is empty."""

    line: int
    order_id: str
    number: str
    recipient: str
    country: str
    items: str
    total: str


async def show_imports(request: Request) -> Response:
    return await _show(request, await web_users.require_user(request, scope=SCOPE))


async def _show(
    request: Request, web_user: web_users.WebUser, typed: forms.Typed = forms.NOTHING, *, status: int = 200
) -> Response:
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        shops = await orders.list_shops(tx, account_id)
        recent = await uploads.list_imports(tx, account_id, _RECENT)
    values: dict[str, Any] = {
        "section": "import",
        "shops": shops,
        "recent": [
            (row, orjson.loads(row.counts), uploads.is_still(row, context.of(request).clock())) for row in recent
        ],
        "typed": typed,
        "presets": await list_presets(request, account_id),
        "most": context.of(request).settings.max_import_bytes,
    }
    return rendering.render(request, "import.html", web_user, status=status, **values)


async def put_in_file(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token, most=context.of(request).settings.max_import_bytes)
    try:
        id = await _read_file(request, web_user, form)
    except errors.Invalid as refusal:
        return await _show(request, web_user, forms.to_typed("new", form, refusal.faults), status=422)
    finally:
        await form.close()
    async with context.of(request).db.read() as tx:
        row = await uploads.get_import(tx, web_user.session.account_id, id)
    return rendering.redirect(request, to_place(row))


def to_place(row: uploads.ImportRow) -> str:
    """Where a file is looked at: at its columns, while nobody has said what they are."""
    return f"/import/{row.id}/columns" if row.state == uploads.UNMAPPED else f"/import/{row.id}"


class Said(NamedTuple):
    """What a person said of a file; empty is what is to be found."""

    format: str = ""
    preset: str = ""
    shop: str = ""
    all: str = ""
    dates: str = ""
    decimal: str = ""
    mapping: str = ""

    def told(self) -> formats.Conventions:
        decimal, dates = self.decimal, self.dates
        return formats.Conventions(decimal if decimal in (".", ",") else None, dates if dates in _DATES else None)  # type: ignore[arg-type]


def read_said(form: FormData) -> Said:
    """The mapping is nothing that people type."""
    return Said(**{name: web_users.text(form, name) for name in Said._fields if name != "mapping"})


def to_said(kept: Mapping[str, str]) -> Said:
    return Said(**{name: kept.get(name, "") for name in Said._fields})


async def _read_file(request: Request, web_user: web_users.WebUser, form: FormData) -> int:
    """Its id. The file lies on disk while it is read, a part at a time, beside the event loop. Raises Invalid."""
    sent = form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise forms.refuse("file", message("Choose a file."))
    ctx, caller = context.of(request), web_user.caller
    said = read_said(form)
    options = await to_options(request, web_user, said, sent.filename)
    shown = sent.filename.replace("\0", "").replace("\\", "/").rpartition("/")[2][:_MAX_NAME]
    id = await ctx.db.write(lambda tx: uploads.begin(tx, caller, shown, said._asdict(), now=ctx.clock()))
    if options.form in TABLES:
        await originals.keep(ctx.db, caller.account_id, id, sent.file)
    await read_into(request, web_user, id, sent.file, options)
    return id


async def read_into(
    request: Request, web_user: web_users.WebUser, id: int, source: IO[bytes], options: read.Options
) -> None:
    """Put what a file holds into its import, from where on the worker checks it; or leave it until somebody says what
    its columns are."""
    ctx, account_id = context.of(request), web_user.session.account_id
    broken: Broken | None = None
    try:
        reading = await asyncio.to_thread(read.open_file, source, options)
    except UnknownColumns as unknown:
        await ctx.db.write(partial(uploads.ask, account_id=account_id, id=id, broken=unknown, now=ctx.clock()))
        return
    except Broken as error:
        reading, broken = read.ParsedFile(options, options.form or ""), error
    parts = count = 0
    while broken is None:
        part = await asyncio.to_thread(uploads.read_part, reading.records)
        broken = part.broken
        if not part.records:
            break
        await ctx.db.write(lambda tx: uploads.add_part(tx, account_id, id, parts, part.records, now=ctx.clock()))
        parts, count = parts + 1, count + len(part.records)

    async def work(tx: Transaction) -> None:
        ended = (account_id, id, parts, count, broken, reading)
        await uploads.end_reading(tx, *ended, now=ctx.clock())

    await ctx.db.write(work)


async def to_options(request: Request, web_user: web_users.WebUser, said: Said, file_name: str) -> read.Options:
    """How a file is to be read. Raises Invalid."""
    name = said.format or read.find_form(file_name) or ""
    if name not in read.FORMS:
        raise forms.refuse("format", message("Say which format it is: its name does not tell."))
    presets = {**await list_presets(request, web_user.session.account_id)}
    preset = said.preset or None
    if said.mapping:
        preset = file_name
        presets[preset] = mapping.parse(said.mapping)
    if preset is not None and preset not in presets:
        raise forms.refuse("preset", message("There is no such preset."))
    async with context.of(request).db.read() as tx:
        shops = await orders.list_shops(tx, web_user.session.account_id)
    shop, is_for_all = forms.read_id(said.shop), bool(said.all)
    if is_for_all and shop is None:
        raise forms.refuse("shop", message("Choose the shop that every order goes into."))
    country = web_user.caller.country_code
    only = next(iter(shops)) if len(shops) == 1 else None
    zone = zones.to_zone(web_user.session.time_zone)
    place = Place(shop or only, country, zone, zones.to_day(context.of(request).clock(), zone))
    into = shop if is_for_all else None
    most = _UNPACKED_TIMES * context.of(request).settings.max_import_bytes
    return read.Options(name, preset, presets, told=said.told(), place=place, into=into, most_unpacked=most)


async def list_presets(request: Request, account_id: int) -> Mapping[str, mapping.Preset]:
    async with context.of(request).db.read() as tx:
        return await known.list_presets(tx, account_id)


async def show_import(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    id = forms.to_id(request, message("import"))
    after = forms.read_id(request.query_params.get("after", ""))
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        row = await uploads.get_import(tx, account_id, id)
        refused = await _list_refused(tx, row, -1 if after is None else after)
        warned = await uploads.list_warned(tx, account_id, id, -1, _PARTS)
        before = await known.find_imported(tx, account_id, row.content_hash or "")
        is_changeable = row.state in CHANGEABLE and await originals.is_kept(tx, account_id, id)
        first = [] if row.state == uploads.DONE else await uploads.list_first(tx, account_id, id, _SHOWN)
    counts, about = orjson.loads(row.counts), uploads.read_about(row)
    values: dict[str, Any] = {
        "section": "import",
        "row": row,
        "is_changeable": is_changeable and about.get("form", read.CSV) in TABLES,
        "counts": counts,
        "outcomes": store.OUTCOMES,
        "done": sum(counts.values()),
        "is_underway": row.state in _UNDERWAY,
        "is_still": uploads.is_still(row, context.of(request).clock()),
        "refused": [record for _, record in refused],
        "after": refused[-1][0] if refused and _has_more(refused) else None,
        "about": about,
        "warned": [record for _, record in warned],
        "before": before if row.state in (uploads.CHECKING, uploads.CHECKED) else None,
        "first": [to_line(record) for record in first],
    }
    template = "import_progress.html" if rendering.is_partial(request) else "import_one.html"
    return rendering.render(request, template, web_user, **values)


async def _list_refused(tx: Reader, row: uploads.ImportRow, after: int) -> list[tuple[int, Any]]:
    return await uploads.list_refused(tx, row.account_id, row.id, after, _PARTS)


def _has_more(refused: Sequence[tuple[int, Any]]) -> bool:
    return len({part for part, _ in refused}) == _PARTS


def to_line(record: Record) -> Line:
    """Return the line of whatever was in the file: nothing of it is known to be right."""
    try:
        order = orjson.loads(record.body)
    except orjson.JSONDecodeError:
        order = None
    address, details = _find(order, "shipping_address"), _find(order, "order_details")
    price = _find(_find(order, "payment_details"), "total_price")
    items = _find(details, "order_items")
    return Line(
        record.line,
        _to_text(_find(order, "order_id")),
        _to_text(_find(order, "order_number")),
        _to_text(_find(address, "name")),
        _to_text(_find(address, "country_code")),
        str(len(items)) if isinstance(items, list) else "",
        _to_amount(_find(price, "value"), _find(price, "currency")),
    )


def _find(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else None


def _to_amount(value: Any, currency: Any) -> str:
    if isinstance(value, int | float) and isinstance(currency, str) and currency in places.CURRENCIES:
        return f"{places.to_amount(units.to_decimal(value), currency)} {currency}"
    return f"{_to_text(value)} {_to_text(currency)}".strip()


def _to_text(value: Any) -> str:
    return str(value)[:100] if isinstance(value, str | int | float) else ""


async def download_refused(request: Request) -> Response:
    """The refused rows as a file of the kind that they came in, to be mended and brought again."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    id = forms.to_id(request, message("import"))
    async with context.of(request).db.read() as tx:
        row = await uploads.get_import(tx, web_user.session.account_id, id)
    about = uploads.read_about(row)
    is_table = bool(about["header"])
    stem, _, suffix = row.file_name.rpartition(".")
    name = f"{stem or row.file_name}.refused.{'csv' if is_table else suffix or 'jsonl'}"
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    kind = "text/csv; charset=utf-8" if is_table else "application/x-ndjson"
    return StreamingResponse(_write_refused(request, row, about), media_type=kind, headers=headers)


async def _write_refused(request: Request, row: uploads.ImportRow, about: Mapping[str, Any]) -> AsyncIterator[bytes]:
    separator = about.get("separator") or ","
    is_list = about.get("form") == read.JSON
    yield b"[" if is_list else b""
    if about["header"]:
        yield b"\xef\xbb\xbf" + tables.write_rows([about["header"]], separator).encode()
    after, is_first = -1, True
    while True:
        async with context.of(request).db.read() as tx:
            found = await uploads.list_refused_rows(tx, row.account_id, row.id, after, _PARTS)
        if not found:
            break
        after = found[-1][0]
        for _, rows in found:
            comma = "" if is_first or not is_list else ","
            yield (f"{comma}{rows}\n" if isinstance(rows, str) else tables.write_again(rows, separator)).encode()
            is_first = False
    yield b"]\n" if is_list else b""


async def run_import(request: Request) -> Response:
    web_user, id = await _read_change(request)
    ctx = context.of(request)
    await ctx.db.write(lambda tx: uploads.run(tx, web_user.caller, id, now=ctx.clock()))
    return rendering.redirect(request, f"/import/{id}")


async def stop_import(request: Request) -> Response:
    """Or throw it away, where nothing was stored yet."""
    web_user, id = await _read_change(request)
    ctx = context.of(request)
    await ctx.db.write(lambda tx: uploads.stop(tx, web_user.session.account_id, id, now=ctx.clock()))
    return rendering.redirect(request, f"/import/{id}")


async def _read_change(request: Request) -> tuple[web_users.WebUser, int]:
    web_user = await web_users.require_user(request, scope=SCOPE)
    await web_users.read_form(request, web_user.token)
    return web_user, forms.to_id(request, message("import"))


ROUTES = [
    Route("GET", "/import", show_imports),
    Route("POST", "/import", put_in_file),
    Route("GET", "/import/{id}", show_import),
    Route("GET", "/import/{id}/refused", download_refused),
    Route("POST", "/import/{id}/run", run_import),
    Route("POST", "/import/{id}/stop", stop_import),
]
