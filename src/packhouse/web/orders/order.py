"""One order: beside its list on wide screens, by itself on narrow ones, at the same address."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import users
from packhouse.kit import clock, errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import Message, join, message
from packhouse.kit.wire import pagination
from packhouse.orders import contents, operations, plain, queries, schema, search, warnings
from packhouse.shipping import operations as operations_of_shipments
from packhouse.shipping import queries as shipments
from packhouse.shipping import wire
from packhouse.shipping.setup import setup
from packhouse.web.frame import amounts, languages, rendering, web_users
from packhouse.web.orders import edits, options, orders, rows
from packhouse.web.orders import parcels as packing
from packhouse.web.pack import packing_log

_HISTORY = 50
_CHANGED = ("replace", "add", "remove")


class Shown(NamedTuple):
    """Everything of one order that the page tells. `warnings` by the place where they stand; `left_out` is why an item
    is not to be shipped, by its place."""

    id: int
    version: int
    document: Mapping[str, Any]
    row: rows.Row
    warnings: Mapping[str, list[str]]
    history: list[dict[str, Any]]
    people: Mapping[str, str]
    shipments: list[shipments.Shipment]
    live: int
    choices: options.Choices
    leaving: list[orders.PendingDeletion]
    goods: list[contents.Line]
    left_out: Mapping[int, str]

    @property
    def mark(self) -> str:
        return search.to_mark(self.version, self.live)


class Typed(NamedTuple):
    """What a person has sent that was not stored: the fields, their faults, whether the order changed meanwhile, and
    numbers by their fields that are asked about."""

    fields: Mapping[str, str]
    faults: Mapping[str, Message]
    is_stale: bool = False
    questions: Mapping[str, str] = {}

    def is_kept(self, name: str, now: str) -> bool:
        """Whether a field holds something else than the order does."""
        return self.fields.get(name, now) != now


class Change(NamedTuple):
    """What was last done to an order since a page showed it, by whom and where in it."""

    kind: str
    by: str
    at: datetime
    places: list[str]


_NOTHING = Typed({}, {})


async def show_order(request: Request) -> Response:
    web_user = await web_users.require_user(request)
    return await answer_order(request, web_user, http.to_id(request, queries.NOT_FOUND))


async def change_order(request: Request) -> Response:
    """One section of the page: its fields that differ are patched, with the rules and the words of the API."""
    web_user = await web_users.require_user(request, scope="write:order")
    form = await web_users.read_form(request, web_user.token)
    id = http.to_id(request, queries.NOT_FOUND)
    sent = _read_fields(form)
    ctx = context.of(request)
    reader = amounts.FormReader(languages.negotiate(request), web_users.texts(form, amounts.CONFIRMED))
    try:

        async def work(tx: Transaction) -> None:
            stored = await queries.find_order(tx, web_user.session.account_id, id)
            if stored is None:
                raise HTTPException(404)
            patch = _read(stored, sent, web_users.text(form, "version"), reader)
            await operations.patch_order(tx, web_user.caller, id, patch, now=ctx.clock())

        await ctx.db.write(work)
    except errors.Conflict:
        typed = edits.find_typed(sent, web_users.text(form, "was"))
        return await answer_order(request, web_user, id, Typed(typed, {}, is_stale=True), status=409)
    except errors.Invalid as refusal:
        refused = Typed(sent, edits.to_faults(refusal.faults, sent), questions=reader.questions)
        return await answer_order(request, web_user, id, refused, status=422)
    if rendering.is_partial(request):
        return await answer_order(request, web_user, id)
    query = request.scope.get("query_string", b"").decode("latin-1")
    return rendering.redirect(request, f"/orders/{id}" + (f"?{query}" if query else ""))


def _read_fields(form: FormData) -> dict[str, str]:
    return {name: web_users.text(form, name).replace("\r\n", "\n") for name in form if "/" in name}


async def show_now(request: Request) -> Response:
    """The order as it is now, with what is typed into its forms and not sent yet: nothing is stored."""
    web_user = await web_users.require_user(request)
    form = await web_users.read_form(request, web_user.token)
    typed = _read_fields(form)
    if "option" in form:
        typed["option"] = web_users.text(form, "option")
    return await answer_order(
        request, web_user, http.to_id(request, queries.NOT_FOUND), Typed(typed, {}, is_stale=bool(typed))
    )


async def show_change(request: Request) -> Response:
    """A notice of what was done to an order since the page whose `mark` is given; empty where nothing was."""
    web_user = await web_users.require_user(request)
    id, account_id = http.to_id(request, queries.NOT_FOUND), web_user.session.account_id
    seen = request.query_params.get("mark", "")
    async with context.of(request).db.read() as tx:
        mark = await search.find_mark(tx, account_id, id)
        entries = (await queries.list_history(tx, account_id, id, pagination.Cursor(), _HISTORY)).rows
        shipped = await shipments.list_shipments_of_order(tx, account_id, id)
        people = {f"user:{row.id}": row.email for row in await users.list_users(tx, account_id)}
    if mark == seen:
        return Response(status_code=204, headers=rendering.headers(request))
    change = _find_change(entries, shipped, *(_to_number(part) for part in f"{seen}-".split("-")[:2]))
    by = people.get(change.by, change.by.partition(":")[2])
    asked = {"cursor": request.query_params.get("cursor", ""), "parcels": request.query_params.get("parcels", "")}
    values: dict[str, Any] = {
        "id": id,
        "change": change._replace(by=by),
        "here": orders.read_state(request).query(**asked),
    }
    return rendering.render(request, "order_changed.html", web_user, **values)


def _to_number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _find_change(
    entries: Sequence[queries.HistoryEntry], shipped: Sequence[shipments.Shipment], version: int, live: int
) -> Change:
    """`entries` of the history and shipments, newest first; what was seen was of this version and so many shipments."""
    newest = entries[0]
    news = [_to_entry(entry) for entry in entries if entry.version > version]
    if any(entry.action == "deleted" for entry in entries):
        return Change("deleted", newest.by, newest.at, [])
    if news or not shipped:
        steps = (step for entry in news for line in entry["lines"] for step in line["place"][-1:] if not step.isdigit())
        return Change("changed", newest.by, newest.at, list(dict.fromkeys(steps)))
    if sum(found.row.state in operations_of_shipments.LIVE for found in shipped) > live:
        return Change("shipped", shipped[0].row.created_by, shipped[0].row.created_at, [])
    last = max(shipped, key=lambda found: found.row.updated_at).row
    return Change("cancelled", "", last.updated_at, [])


def _read(
    stored: queries.FoundOrder, sent: Mapping[str, str], version: str, reader: amounts.FormReader
) -> dict[str, Any]:
    """Raises Conflict where the form was made of another version, Invalid as the API does and for numbers that
    cannot be taken."""
    if str(stored.version) != version:
        raise errors.Conflict(errors.ErrorItem("conflict", message("The order was changed meanwhile.")))
    reader.faults.clear()
    with reader.refusing():
        document = plain.read(stored.document)
        reading = schema.read_patch(orjson.dumps(edits.to_patch(document, sent, reader)))
        if flaws := [*reading.flaws, *edits.find_slips(document, reading)]:
            raise operations.to_invalid_patch(flaws)
    return reading.value


async def answer_order(
    request: Request,
    web_user: web_users.WebUser,
    id: int,
    typed: Typed = _NOTHING,
    *,
    parcels: int | None = None,
    status: int = 200,
) -> Response:
    """The order with what was typed into its forms; `parcels` is how many the form for its label has."""
    shown = await find_order(request, web_user, id)
    values: dict[str, Any] = {
        "order": shown,
        "typed": typed,
        "fields": edits.to_fields(shown.document, languages.negotiate(request)),
        "in_section": edits.in_section,
        "parcels": parcels or _to_count(request.query_params.get("parcels", "")),
        "most_parcels": packing.MOST,
        "on_the_way": wire.TRACKING,
        "stale_words": wire.STALE,
        "outside_images": context.of(request).settings.outside_images,
        "list_query": to_list_query(request),
        "packing_log": await packing_log.list_log(request, web_user, id),
        "packing_words": packing_log.ACTIONS,
        "made": _find_made(request, shown),
    }
    values["changed"] = to_list_query(
        request, mark=shown.mark, parcels=values["parcels"] if values["parcels"] > 1 else ""
    )
    if rendering.is_partial(request):
        return rendering.render(request, "order.html", web_user, status=status, **values)
    values |= orders.to_values(request, await orders.find_listing(request, web_user))
    return rendering.render(request, "order_page.html", web_user, status=status, **values)


class Made(NamedTuple):
    """The shipment whose label was asked for just now: why there is none, and which order is next."""

    id: int
    labels: int
    printable: bool
    why: Message | None
    next: int | None


def _find_made(request: Request, shown: Shown) -> Made | None:
    made, following = (web_users.ids([request.query_params.get(name, "")], 1) for name in ("made", "next"))
    found = next((shipment for shipment in shown.shipments if [shipment.row.id] == made), None)
    if found is None:
        return None
    failed = found.row.state == operations_of_shipments.FAILED
    why = join("\n", (fault.detail for fault in wire.from_errors(found.row.errors))) if failed else None
    printable = found.row.state == operations_of_shipments.READY
    return Made(found.row.id, len(found.parcels), printable, why, following[0] if following else None)


def to_list_query(request: Request, **further: Any) -> str:
    """The list that the order was opened from, as the URL behind its path."""
    return orders.read_state(request).query(cursor=request.query_params.get("cursor", ""), **further)


def _to_count(text: str) -> int:
    return min(int(text), packing.MOST) if re.fullmatch(r"[1-9][0-9]?", text) else 1


async def find_order(request: Request, web_user: web_users.WebUser, id: int) -> Shown:
    """Raises HTTPException 404."""
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        found = await search.find_stored(tx, account_id, [id])
        if not found:
            raise HTTPException(404)
        history = await queries.list_history(tx, account_id, id, pagination.Cursor(), _HISTORY)
        people = {f"user:{row.id}": row.email for row in await users.list_users(tx, account_id)}
        shops = await orders.list_shops(tx, account_id)
        shipped = await shipments.list_shipments_of_order(tx, account_id, id)
        leaving = [asked for asked in await orders.find_pending_deletions(request, web_user, tx) if id in asked.ids]
    document = plain.read(found[0].document)
    ctx = context.of(request)
    account = await setup.read_setup(ctx.db, account_id, now=ctx.clock(), with_rates=True)
    found_choices = options.find_choices(context.of(request).options, account, [document])
    origin = web_user.session.caller.country_code
    places: dict[str, list[str]] = {}
    for warning in warnings.find_warnings(document, origin):
        places.setdefault("/".join(map(str, warning.path)), []).append(warning.detail)
    row = rows.to_row(id, found[0].document, shops, origin)
    live = found[0].live_shipments
    entries = [*map(_to_entry, history.rows), *(act for found in shipped for act in _to_acts(found))]
    entries.sort(key=lambda entry: clock.to_instant(entry["at"]), reverse=True)
    left_out = {found.place: found.why for found in contents.find_left_out(document)}
    goods = contents.find_goods(document)
    now = (document, row, places, entries, people, shipped, live, found_choices, leaving, goods, left_out)
    return Shown(id, found[0].version, *now)


def _to_entry(row: queries.HistoryEntry) -> dict[str, Any]:
    """A version of the order as lines that a person can read: the place, what it was, what it became."""
    lines: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for change in orjson.loads(row.changes):
        if change["op"] == "test":
            before = change
        elif change["op"] in _CHANGED:
            was = before.get("value") if before.get("path") == change["path"] else None
            lines.append(
                {"place": _to_place(change["path"]), "was": _to_text(was), "is": _to_text(change.get("value"))}
            )
    return {"version": row.version, "action": row.action, "at": row.at, "by": row.by, "lines": lines, "told": ""}


def _to_acts(found: shipments.Shipment) -> Iterator[dict[str, Any]]:
    """What was done with a shipment, as entries of its order's history."""
    row = found.row
    numbers = ", ".join(parcel.tracking_number for parcel in found.parcels if parcel.tracking_number)
    yield {"action": "labelled", "at": row.created_at, "by": row.created_by, "lines": [], "told": numbers}
    if row.state in (operations_of_shipments.CANCELLED, operations_of_shipments.FAILED):
        yield {"action": row.state, "at": row.updated_at, "by": "", "lines": [], "told": numbers}


def _to_place(path: str) -> list[str]:
    """The last steps, as on the wire; items are counted from one."""
    steps = path.strip("/").replace("~1", "/").replace("~0", "~").split("/")
    return [str(int(step) + 1) if step.isdecimal() else step for step in steps if step != "-"][-3:]


def _to_text(value: Any) -> str:
    """Write a value as a person would: `2.5 kg`, `gift, late`."""
    if isinstance(value, dict):
        return " ".join(filter(None, map(_to_text, value.values())))[:300]
    if isinstance(value, list):
        return ", ".join(filter(None, map(_to_text, value)))[:300]
    return "" if value is None else str(value)


ROUTES = [
    Route("GET", "/orders/{id}", show_order),
    Route("POST", "/orders/{id}", change_order),
    Route("POST", "/orders/{id}/now", show_now),
    Route("GET", "/orders/{id}/changed", show_change),
]
