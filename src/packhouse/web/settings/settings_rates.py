"""Settings: what shipping costs, as rate tables with their versions by date, row by row or from a file."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.shipping.rates import operations, pricing, queries, schema
from packhouse.shipping.setup import setup
from packhouse.web.frame import amounts, forms, languages, rendering, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome
from packhouse.web.frame.languages import marked
from packhouse.web.settings import zones

_HERE = "/settings/rates"
_MOST_BYTES = 5_000_000
_SHOWN = 200
PERCENT = "percent"
KINDS = {
    pricing.PRICE: marked("Price"),
    "fuel": marked("Fuel surcharge"),
    "toll": marked("Toll"),
    "seasonal": marked("Seasonal surcharge"),
    "remote": marked("Remote area"),
    "residential": marked("Private address"),
    "insurance_price": marked("Insurance"),
    "weight": marked("Overweight"),
    "volume": marked("Volume"),
    "weight_volume": marked("Weight and volume"),
    "dimensional": marked("Oversize"),
    "customs": marked("Customs clearance"),
    "returns": marked("Return"),
    "packaging": marked("Packaging"),
    "pickup": marked("Pick-up"),
    "label_quality": marked("Label quality"),
    "address_corrections": marked("Address correction"),
    "internal_correction": marked("Correction"),
    "overcharge": marked("Overcharge"),
    "forbidden_item": marked("Forbidden item"),
    "other": marked("Other surcharge"),
}
"""What each kind of row is called; all but the first are surcharges."""


class Version(NamedTuple):
    """A version of a rate table in the list. `state` is `current`, `coming` or `past`; one that is past was replaced
    on `until`."""

    id: int
    name: str
    valid_from: str
    currency: str
    lines: int
    state: str
    until: str


class Line(NamedTuple):
    """A row of a table as it is shown, with its number there."""

    number: int
    row: Mapping[str, Any]
    zone: str
    origin: str


async def show_tables(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
    ctx = context.of(request)
    async with ctx.db.read() as tx:
        rows = await queries.list_tables(tx, web_user.session.account_id)
    versions = _to_versions(rows, ctx.clock().date())
    return forms.render(request, "settings_rates.html", web_user, outcome, versions=versions)


def _to_versions(rows: Sequence[queries.TableRow], today: date) -> list[Version]:
    """By name, the youngest first."""
    found: list[Version] = []
    after: dict[str, str] = {}
    is_begun: set[str] = set()
    for row in reversed(rows):
        document = orjson.loads(row.document)
        state = "coming" if row.valid_from > today.isoformat() else "past" if row.name in is_begun else "current"
        if state == "current":
            is_begun.add(row.name)
        until = after.get(row.name, "")
        after[row.name] = row.valid_from
        facts = (document["currency"], len(document["rows"]), state, until)
        found.append(Version(row.id, row.name, row.valid_from, *facts))
    return sorted(found, key=lambda version: version.name.casefold())


async def show_new_table(request: Request) -> Response:
    return await _show_new(request, await web_users.owner(request))


async def _show_new(request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
    values = await _read_choices(request, web_user)
    currencies = (version["currency"] for version in values.pop("known"))
    values |= {"columns": schema.COLUMNS, "currency": next(currencies, "EUR"), "row": {}}
    return forms.render(request, "settings_rate_new.html", web_user, outcome, **values)


async def _read_choices(request: Request, web_user: web_users.WebUser) -> dict[str, Any]:
    """What the fields of a row offer, by names."""
    ctx, account_id = context.of(request), web_user.session.account_id
    found = await setup.read_setup(ctx.db, account_id, now=ctx.clock())
    async with ctx.db.read() as tx:
        tables = await queries.list_tables(tx, account_id)
    carriers = {code: carrier.name for code, carrier in ctx.options.carriers.items()}
    usable = found.carriers()
    options = sorted(ctx.options.all(), key=lambda option: option.carrier_code not in usable)
    return {
        "options": {option.code: (option.name, carriers[option.carrier_code]) for option in options},
        "contracts": {
            id: (contract.get("name") or "", carriers.get(contract["carrier_code"], contract["carrier_code"]))
            for id, contract in found.contract.items()
        },
        "kinds": KINDS,
        "percent": PERCENT,
        "today": ctx.clock().date().isoformat(),
        "known": [orjson.loads(table.document) for table in tables],
    }


async def create_table(request: Request) -> Response:
    """A new table with its first row."""
    made: list[int] = []

    async def work(change: Change) -> None:
        document = {**_read_head(change), "rows": [_read_row(change)]}
        made[:] = [await _create(change, document)]

    return await forms.carry_out(request, "first", work, _show_new, lambda: f"{_HERE}/{made[0]}")


def _read_head(change: Change) -> dict[str, Any]:
    head = {"name": change.text("name").strip(), "currency": change.text("currency").strip().upper()}
    return {**head, "valid_from": change.text("valid_from") or change.now.date().isoformat()}


async def _create(change: Change, sent: Mapping[str, Any]) -> int:
    document = schema.read_table(orjson.dumps(sent), change.now.date())
    return await operations.create_table(change.tx, change.account_id, document, now=change.now)


async def import_table(request: Request) -> Response:
    """A version from a file; its faults name line and column."""
    web_user = await web_users.owner(request)
    form = await web_users.read_form(request, web_user.token, most=_MOST_BYTES)
    ctx, file = context.of(request), form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise forms.refuse("file", message("Choose a file."))
        text = _decode(await file.read())
        made = await ctx.db.write(lambda tx: _import(Change(request, ctx.db, tx, web_user, form, ctx.clock()), text))
    except errors.Invalid as refusal:
        faults = [_to_file(fault) for fault in refusal.faults]
        return await _show_new(request, web_user, Outcome(forms.to_typed("file", form, faults), status=422))
    finally:
        await form.close()
    return rendering.redirect(request, f"{_HERE}/{made}")


async def _import(change: Change, text: str) -> int:
    return await _create(change, {**_read_head(change), "csv": text})


def _to_file(fault: errors.ErrorItem) -> errors.ErrorItem:
    is_of_rows = (fault.pointer or "").removeprefix(f"{errors.ATTRIBUTES}/").partition("/")[0] in ("csv", "rows")
    return errors.ErrorItem(fault.code, fault.detail, parameter="file") if is_of_rows else fault


def _decode(content: bytes) -> str:
    """Spreadsheets write UTF-8 or what Windows wrote before."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


async def show_table(request: Request) -> Response:
    return await _show_table(request, await web_users.owner(request))


async def _show_table(
    request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH, *, number: int | None = None
) -> Response:
    """One version, a page of its rows, and a form for a new row or for that of the number."""
    document, version, newest = await _find(request, web_user)
    rows = list(enumerate(document["rows"]))
    if number is not None and number >= len(rows):
        raise HTTPException(404)
    tag = languages.negotiate(request)
    sought = request.query_params.get("option", "")
    meant = [(place, row) for place, row in rows if not sought or row["option_code"] == sought]
    first = (forms.read_id(request.query_params.get("page", "")) or 1) * _SHOWN - _SHOWN
    values = await _read_choices(request, web_user)
    values |= {
        "version": version,
        "newest": newest,
        "lines": [_to_line(tag, place, row) for place, row in meant[max(first, 0) :][:_SHOWN]],
        "found": len(meant),
        "page": first // _SHOWN + 1,
        "pages": -(-len(meant) // _SHOWN),
        "sought": sought,
        "sought_options": list(dict.fromkeys(row["option_code"] for row in document["rows"])),
        "number": number,
        "row": {} if number is None else _to_fields(tag, rows[number][1]),
        "counts_from": max(values["today"], version.valid_from),
    }
    return forms.render(request, "settings_rate.html", web_user, outcome, **values)


async def _find(request: Request, web_user: web_users.WebUser) -> tuple[dict[str, Any], Version, Version]:
    """The document of a version, the version, and of those of its name the one that is in force or comes first. Raises
    NotFound."""
    id, ctx = http.to_id(request, queries.no_such_table()), context.of(request)
    async with ctx.db.read() as tx:
        stored = await queries.get_table(tx, web_user.session.account_id, id)
        rows = await queries.list_tables(tx, web_user.session.account_id)
    versions = [version for version in _to_versions(rows, ctx.clock().date()) if version.name == stored.name]
    mine = next((version for version in versions if version.id == id), None)
    if mine is None:  # deleted between the two statements
        raise errors.NotFound(queries.no_such_table())
    current = next((version for version in versions if version.state == "current"), versions[-1])
    return orjson.loads(stored.document), mine, current


def _to_line(tag: str, place: int, row: Mapping[str, Any]) -> Line:
    zone, origin = (zones.show_zone(tag, row.get(name, "")) for name in ("zone", "from_zone"))
    return Line(place, row, zone, origin)


def _to_fields(tag: str, row: Mapping[str, Any]) -> dict[str, Any]:
    price = row["price"].replace(" ", "").replace(",", ".")
    return {
        **row,
        "zone": zones.show_zone(tag, row.get("zone", "")),
        "from_zone": zones.show_zone(tag, row.get("from_zone", "")),
        "price": price.removesuffix("%"),
        "unit": PERCENT if price.endswith("%") else "",
    }


async def show_row(request: Request) -> Response:
    web_user = await web_users.owner(request)
    return await _show_table(request, web_user, number=_to_number(request))


def _to_number(request: Request) -> int:
    text = request.path_params["number"]
    if not text.isascii() or not text.isdecimal() or len(text) > 4:
        raise HTTPException(404)
    return int(text)


async def add_row(request: Request) -> Response:
    return await _revise(request, "row", None, lambda rows, row: [*rows, row])


async def change_row(request: Request) -> Response:
    number = _to_number(request)
    return await _revise(request, "row", number, lambda rows, row: [*rows[:number], row, *rows[number + 1 :]])


async def delete_row(request: Request) -> Response:
    number = _to_number(request)
    return await _revise(request, "delete", number, lambda rows, _: [*rows[:number], *rows[number + 1 :]])


# Makes the rows of a new version from those before and the row that was sent.
Revise = Callable[[list[Any], Any], list[Any]]


async def _revise(request: Request, name: str, number: int | None, revise: Revise) -> Response:
    """Prices that have counted stay as they were: a change counts from a day on, in a version of its own."""
    id = http.to_id(request, queries.no_such_table())
    made: list[int] = []

    async def work(change: Change) -> None:
        stored = await queries.get_table(change.tx, change.account_id, id)
        rows = orjson.loads(stored.document)["rows"]
        if number is not None and number >= len(rows):
            raise HTTPException(404)
        row = None if name == "delete" else _read_row(change)
        day = _read_day(change.text("valid_from") or max(change.now.date().isoformat(), stored.valid_from))
        revised = revise(rows, row)
        if not revised:
            raise forms.refuse("", message("A rate table has at least one row. Delete the whole version instead."))
        made[:] = [
            await operations.revise_table(change.tx, change.account_id, id, revised, valid_from=day, now=change.now)
        ]

    show = partial(_show_table, number=None if name == "delete" else number)
    return await forms.carry_out(request, name, work, show, lambda: f"{_HERE}/{made[0]}")


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise forms.refuse("valid_from", message("Input should be a date")) from None


def _read_row(change: Change) -> dict[str, Any]:
    """The row that a form describes. Raises Invalid at its fields."""
    tag = languages.negotiate(change.request)
    reader = amounts.FormReader(tag)
    with reader.refusing():
        row: dict[str, Any] = {"option_code": change.text("option_code"), "price": _read_price(change, reader)}
        for name in ("zone", "from_zone"):
            if zone := zones.read_zone(tag, name, change.text(name)):
                row[name] = zone
        if (contract := forms.read_id(change.text("contract_id"))) is not None:
            row["contract_id"] = contract
        if text := change.text("max_weight_kg").strip():
            row["max_weight_kg"] = reader.number("max_weight_kg", text)
        if text := change.text("lead_time_hours").strip():
            row["lead_time_hours"] = reader.pieces("lead_time_hours", text)
        if (kind := change.text("type")) and kind != pricing.PRICE:
            row["type"] = kind
        if label := change.text("label").strip():
            row["label"] = label
        return schema.read_row(row)


def _read_price(change: Change, reader: amounts.FormReader) -> str:
    text = change.text("price").strip()
    amount = amounts.read_decimal(reader.tag, text) if text else None
    if amount is None:
        if not text:
            raise forms.refuse("price", message("Field required"))
        return str(reader.number("price", text))
    return f"{amount:f}" + ("%" if change.text("unit") == PERCENT else "")


async def delete_table(request: Request) -> Response:
    id = http.to_id(request, queries.no_such_table())

    async def work(change: Change) -> None:
        await operations.delete_table(change.tx, change.account_id, id)

    return await forms.carry_out(request, "delete", work, _show, _HERE)


async def export_table(request: Request) -> Response:
    """The rows as the import takes them."""
    web_user = await web_users.owner(request)
    id = http.to_id(request, queries.no_such_table())
    async with context.of(request).db.read() as tx:
        row = await queries.get_table(tx, web_user.session.account_id, id)
    headers = {
        **rendering.headers(request),
        "Content-Disposition": f'attachment; filename="rates-{row.valid_from}.csv"',
    }
    text = schema.write_csv(orjson.loads(row.document))
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


ROUTES = [
    Route("GET", _HERE, show_tables),
    Route("GET", f"{_HERE}/new", show_new_table),
    Route("GET", f"{_HERE}/{{id}}", show_table),
    Route("GET", f"{_HERE}/{{id}}/file", export_table),
    Route("GET", f"{_HERE}/{{id}}/rows/{{number}}", show_row),
    Route("POST", _HERE, create_table),
    Route("POST", f"{_HERE}/import", import_table),
    Route("POST", f"{_HERE}/{{id}}/delete", delete_table),
    Route("POST", f"{_HERE}/{{id}}/rows", add_row),
    Route("POST", f"{_HERE}/{{id}}/rows/{{number}}", change_row),
    Route("POST", f"{_HERE}/{{id}}/rows/{{number}}/delete", delete_row),
]
