"""From orders to labels: made for one or many, printed together, tried again."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts.schema import Caller
from packhouse.carriers import Unreachable
from packhouse.kit import errors, http
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import Message, join, message
from packhouse.kit.wire import pagination
from packhouse.orders import plain, search
from packhouse.orders import queries as order_queries
from packhouse.packing_station import operations as packing
from packhouse.shipping import announce, draft, holds, operations, printing, queries, schema, wire
from packhouse.shipping.setup import queries as setup_queries
from packhouse.shipping.setup import rules, setup
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.web.frame import amounts, languages, ranges, rendering, web_users
from packhouse.web.orders import options, order, parcels

SCOPE = "write:parcel"
MOST = 200
# Orders of one transaction: on SQLite nobody else writes while it lasts.
_TOGETHER = 20
# Instead of an option: orders have options of their own, and are tried again with them.
EACH = "each"
# What is said of orders that had better not be shipped, once who ships was asked; anything else leaves them out.
SHIP_THEM = "ship"
_UNDERWAY = (operations.ANNOUNCING, operations.WITHDRAWING, operations.CANCELLING)
SHIPPED = message("It has a label already. To make another, open the order.")
_MEANWHILE = message(
    "A label was made of this order meanwhile: look at its shipments, and make another if it needs one."
)


class Outcome(NamedTuple):
    """What became of a selection: ids of the shipments made, and why others were not, by the order's id and the field.
    `held` are those among them that would be shipped if somebody said so, `questions` the numbers that are only asked
    about; `gone` were deleted meanwhile."""

    ids: list[int]
    refused: dict[int, Mapping[str, Message]]
    held: set[int]
    questions: dict[int, Mapping[str, str]]
    gone: list[int]


def to_outcome(ids: Sequence[int], gone: Sequence[int] = ()) -> Outcome:
    """Return the outcome of shipments that were made, and orders that were deleted meanwhile."""
    return Outcome(list(ids), {}, set(), {}, list(gone))


class Packed(NamedTuple):
    """How an order was packed whose shipment failed."""

    option: str
    parcels: list[Mapping[str, Any]]


class Selection(NamedTuple):
    """Ids of orders, how those of them were packed whose shipment failed, and the option that was chosen for all.
    `typed` is what was typed of each order: fields of its only parcel, and its `option`, in the way that `written` says
    for each. With `ships_held` those are shipped too that had better not be: who ships was asked."""

    ids: Sequence[int]
    packed: Mapping[int, Packed]
    option: str | None
    typed: Mapping[int, Mapping[str, str]] = {}
    ships_held: bool = False
    written: Mapping[int, parcels.Written] = {}

    def find_option(self, id: int) -> str | None:
        if self.option != EACH:
            return self.option
        return self.packed[id].option if id in self.packed else self.typed.get(id, {}).get("option") or None


async def show_options(request: Request) -> Response:
    """What a selection can be shipped with, and what it would be."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    ids = web_users.ids(request.query_params.getlist("id"), MOST)
    ctx, account_id = context.of(request), web_user.session.account_id
    async with ctx.db.read() as tx:
        documents = [plain.read(row.document) for row in await search.find_stored(tx, account_id, ids)]
    account = await setup.read_setup(ctx.db, account_id, now=ctx.clock(), with_rates=True)
    found = options.find_choices(context.of(request).options, account, documents)
    return rendering.render(request, "option_choice.html", web_user, choices=found)


async def make_labels(request: Request) -> Response:
    """The worker asks the carriers; how far it is stands at an address of its own."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "id"), MOST)
    again = web_users.ids(web_users.texts(form, "again"), MOST)
    packed = await _find_failed(request, web_user.caller, again)
    said = web_users.text(form, "held")
    selection = Selection([*ids, *packed], packed, web_users.text(form, "option") or None, ships_held=said == SHIP_THEM)
    if not said and (held := await _find_held(request, web_user.caller, selection.ids)):
        values: dict[str, Any] = {"held": held, "ids": ids, "again": again, "option": selection.option or ""}
        values |= {"others": len(selection.ids) - len(held), "section": "orders"}
        return rendering.render(request, "labels_ask.html", web_user, **values)
    outcome = await ship_selection(request, web_user.caller, selection)
    return to_progress(request, outcome, selection.option)


async def _find_held(request: Request, caller: Caller, ids: Sequence[int]) -> list[tuple[Any, list[Message]]]:
    """Orders of a selection that had better not be shipped, and why."""
    ctx = context.of(request)
    account = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())
    async with ctx.db.read() as tx:
        found = await search.find_stored(tx, caller.account_id, ids)
    told = [(row, find_reasons(account, plain.read(row.document))) for row in found if not row.live_shipments]
    return [(row, reasons) for row, reasons in told if reasons]


def find_reasons(account: Setup, document: Mapping[str, Any]) -> list[Message]:
    """Why an order had better not be shipped: what it is, and the rule that keeps it back."""
    if not draft.is_usable(document.get("shipping_address")):
        return []  # it is refused in the words of the label call
    reasons = [hold.detail for hold in holds.find_holds(document, account.status_codes())]
    integration = document["order_details"]["integration"]["id"]
    choice = rules.choose(account, {}, document, integration, apply_rules=True)
    if choice.is_held:
        reasons.append(draft.to_held(account, choice).detail)
    return reasons


def to_progress(request: Request, outcome: Outcome, option: str | None) -> Response:
    shown = {"shipments": ranges.to_text(outcome.ids), "option": option}
    shown["refused"] = ranges.to_text([*outcome.refused, *outcome.gone])
    return rendering.redirect(request, "/labels" + rendering.to_query(**shown))


async def make_label(request: Request) -> Response:
    """Make the label of one order, in as many parcels as the form has; what is refused stands at its field."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    id = http.to_id(request, order_queries.NOT_FOUND)
    sent = {name: web_users.text(form, name) for name in form if name.startswith("parcels/")}
    count = len(web_users.texts(form, "parcel")) or 1
    option = web_users.text(form, "option") or None
    ctx, is_confirmed = context.of(request), web_users.text(form, "held") == SHIP_THEM
    now = ctx.clock()
    is_read = False

    async def ship(tx: Transaction) -> list[int]:
        nonlocal is_read
        row = await order_queries.find_order(tx, web_user.session.account_id, id)
        if row is None:
            raise HTTPException(404)
        document = plain.read(row.document)
        await _require_seen(tx, web_user.caller, document, web_users.text(form, "seen"))
        wanted = parcels.read_call(document, option, sent, min(count, parcels.MOST), read_way(request, form))
        is_read = True
        if is_confirmed:
            wanted = _with_held(wanted)
        else:
            _require_wanted(await setup.load_setup(tx, web_user.session.account_id, now=now), document)
        return await _ship_one(request, tx, web_user.caller, wanted, waits=True)

    try:
        made = await ctx.db.write(ship)
    except parcels.Refused as refusal:
        asked = {"held": SHIP_THEM} if (is_read and is_confirmed) or isinstance(refusal, _Held) else {}
        fields = {**sent, "option": option or "", **asked}
        typed = order.Typed(fields, refusal.fields, questions=refusal.questions)
        return await order.answer_order(request, web_user, id, typed, parcels=count, status=422)
    await _announce(request, web_user.caller, made[0])
    following = web_users.ids([web_users.text(form, "next")], 1)
    query = order.to_list_query(request, made=made[0], next=following[0] if following else "")
    return rendering.redirect(request, f"/orders/{id}{query}")


class _Held(parcels.Refused):
    """An order that had better not be shipped, until somebody says so once more."""


def _require_wanted(account: Setup, document: Mapping[str, Any]) -> None:
    """Raises _Held."""
    if reasons := find_reasons(account, document):
        raise _Held(errors.Invalid([errors.ErrorItem("conflict", reason) for reason in reasons]), [])


def _with_held(wanted: parcels.Wanted) -> parcels.Wanted:
    return wanted._replace(call=wanted.call._replace(ships_held=True))


def read_way(request: Request, form: FormData) -> parcels.Written:
    """How the numbers of a form are written, and which were confirmed."""
    return parcels.Written(languages.negotiate(request), web_users.texts(form, amounts.CONFIRMED))


async def _require_seen(tx: Reader, caller: Caller, document: Mapping[str, Any], seen: str) -> None:
    """Raises Refused where there are other shipments than the form showed: two people pack from one list."""
    found = await _lock(tx, caller, document)
    if not found:  # deleted since it was read
        raise HTTPException(404)
    if str(found[0].live_shipments) != seen:
        raise parcels.Refused(errors.Conflict(errors.ErrorItem("conflict", _MEANWHILE)), [])


async def _lock(tx: Reader, caller: Caller, document: Mapping[str, Any]) -> Sequence[order_queries.ShippableOrder]:
    integration = document["order_details"]["integration"]["id"]
    return await order_queries.find_shippable(tx, caller.account_id, integration, [document["order_id"]], [])


async def _ship_one(
    request: Request, tx: Transaction, caller: Caller, wanted: parcels.Wanted, *, waits: bool
) -> list[int]:
    """The shipment's id. With `waits` this request asks the carrier itself, and the worker only where that fails.

    Raises Refused.
    """
    ctx = context.of(request)
    now = ctx.clock()
    due_at = now + announce.GRACE if waits else None
    options = context.of(request).options
    try:
        shipped = await operations.ship_orders(tx, caller, wanted.call, options, now=now, due_at=due_at)
    except errors.ApiError as refusal:
        raise parcels.Refused(refusal, wanted.places) from None
    for fault in shipped.faults.values():
        raise parcels.Refused(fault, wanted.places)
    return [draft.id for draft in shipped.drafts]


async def _find_failed(request: Request, caller: Caller, ids: Sequence[int]) -> dict[int, Packed]:
    """Find how shipments that failed were packed, by the order's id."""
    async with context.of(request).db.read() as tx:
        page = await queries.list_shipments(tx, caller.account_id, {"numbers": ids}, pagination.Cursor(), MOST)
    failed = [found for found in page.rows if found.row.state == operations.FAILED]
    return {found.row.for_order: _to_packed(found) for found in failed}


def _to_packed(found: queries.Shipment) -> Packed:
    option = orjson.loads(found.row.document)["ship_with"]["properties"]["shipping_option_code"]
    return Packed(option, [orjson.loads(parcel.document) for parcel in found.parcels])


async def ship_selection(request: Request, caller: Caller, selection: Selection) -> Outcome:
    """The worker asks the carriers, but for one label alone."""
    outcome = to_outcome([])
    waits = len(selection.ids) == 1
    ids = iter(selection.ids)
    while part := list(islice(ids, _TOGETHER)):
        some = selection._replace(ids=part)
        made = await context.of(request).db.write(partial(_ship_each, request, caller, some, waits))
        outcome.ids.extend(made.ids)
        outcome.refused.update(made.refused)
        outcome.held.update(made.held)
        outcome.questions.update(made.questions)
        outcome.gone.extend(made.gone)
    if waits and outcome.ids:
        await _announce(request, caller, outcome.ids[0])
    return outcome


async def _find_refusals(
    request: Request, tx: Reader, caller: Caller, rows: Sequence[search.OrderRow], option: str | None
) -> dict[int, Message]:
    """Why orders are refused now, in the words of the attempt, by order: it is looked at, and nothing is written."""
    selection = Selection([row.id for row in rows], {}, option)
    account = await setup_queries.find_setup(tx, caller.account_id) or Setup()
    reasons: dict[int, Message] = {}
    for row in rows:
        if row.live_shipments:
            reasons[row.id] = SHIPPED
            continue
        document = plain.read(row.document)
        try:
            _require_wanted(account, document)
            wanted = _read_call(document, selection, row.id)
        except parcels.Refused as refused:
            reasons[row.id] = join("\n", refused.fields.values())
            continue
        refusal = await operations.find_refusal(tx, caller.account_id, wanted.call, context.of(request).options)
        if refusal is not None:
            reasons[row.id] = join("\n", parcels.to_faults(refusal, wanted.places).values())
    return reasons


async def _ship_each(request: Request, caller: Caller, selection: Selection, waits: bool, tx: Transaction) -> Outcome:
    """Each order succeeds or is refused by itself; one that has a live shipment is, because somebody else made it."""
    found = {row.id: row for row in await search.find_stored(tx, caller.account_id, selection.ids)}
    outcome = to_outcome([], [id for id in selection.ids if id not in found])
    ctx = context.of(request)
    account = await setup.load_setup(tx, caller.account_id, now=ctx.clock())
    for row in (found[id] for id in selection.ids if id in found):
        document = plain.read(row.document)
        locked = await _lock(tx, caller, document)
        if not locked:  # deleted since it was read
            outcome.gone.append(row.id)
            continue
        if locked[0].live_shipments:
            outcome.refused[row.id] = {"": SHIPPED}
            continue
        try:
            wanted = _read_call(document, selection, row.id)
            if selection.ships_held:
                wanted = _with_held(wanted)
            else:
                _require_wanted(account, document)
            outcome.ids.extend(await _ship_one(request, tx, caller, wanted, waits=waits))
        except parcels.Refused as refusal:
            outcome.refused[row.id] = refusal.fields
            outcome.questions[row.id] = refusal.questions
            if isinstance(refusal, _Held):
                outcome.held.add(row.id)
    return outcome


def _read_call(document: Mapping[str, Any], selection: Selection, id: int) -> parcels.Wanted:
    option = selection.find_option(id)
    if id in selection.packed:
        return parcels.repeat_call(document, option, selection.packed[id].parcels)
    written = selection.written.get(id, parcels.ENGLISH)
    return parcels.read_call(document, option, selection.typed.get(id, {}), 1, written)


async def _announce(request: Request, caller: Caller, id: int) -> None:
    """Whatever comes of it stands in the shipment; a carrier that does not answer is asked again by the worker."""
    try:
        await announce.announce(context.of(request), caller.account_id, id)
    except (Unreachable, errors.Unavailable):
        return


async def show_labels(request: Request) -> Response:
    """How far a selection is. All of it stands in the address, so it outlives a reload."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    given = request.query_params
    ids = ranges.from_text(given.get("shipments", ""), MOST)
    refused = ranges.from_text(given.get("refused", ""), MOST)
    account_id = web_user.session.account_id
    option = given.get("option") or None
    async with context.of(request).db.read() as tx:
        page = await queries.list_shipments(tx, account_id, {"numbers": ids}, pagination.Cursor(), MOST)
        rows = await search.find_stored(tx, account_id, refused) if refused else []
        reasons = await _find_refusals(request, tx, web_user.caller, rows, option)
    values = {**_to_states(page.rows), "section": "shipments", "option": option or ""}
    values |= {"total": len(page.rows) + len(refused), "here": f"/labels?{request.url.query}"}
    values |= {"refused": [(row, reasons.get(row.id, "")) for row in rows], "gone": len(refused) - len(rows)}
    template = "labels_progress.html" if rendering.is_partial(request) else "labels.html"
    return rendering.render(request, template, web_user, **values)


def _to_states(found: Sequence[queries.Shipment]) -> dict[str, Any]:
    ready = [shipment for shipment in reversed(found) if shipment.row.state == operations.READY]
    failed = [shipment for shipment in found if shipment.row.state == operations.FAILED]
    return {
        "underway": [shipment for shipment in found if shipment.row.state in _UNDERWAY],
        "ready": ready,
        "failed": [(shipment, _to_reason(shipment)) for shipment in failed],
        "labels": sum(len(shipment.parcels) for shipment in ready),
        "printable": ranges.to_text(shipment.row.id for shipment in ready),
    }


def _to_reason(shipment: queries.Shipment) -> Message:
    return join("\n", (fault.detail for fault in wire.from_errors(shipment.row.errors)))


_KINDS = ("label", "customs-declaration", "commercial-invoice")


async def print_labels(request: Request) -> Response:
    """The documents of parcels, or of all parcels of shipments, in one PDF, in the order asked."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    given = request.query_params
    ids = web_users.ids(given.getlist("parcel"), 2 * MOST)
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        asked = {"numbers": ranges.from_text(given.get("shipments", ""), MOST)}
        page = await queries.list_shipments(tx, account_id, asked, pagination.Cursor(), MOST)
        ids += [parcel.id for shipment in reversed(page.rows) for parcel in shipment.parcels]
        kinds = _KINDS[:1] if given.get("only") == "labels" else _KINDS
        found = await queries.find_contents(tx, account_id, ids, kinds)
    if not found:
        raise HTTPException(404)
    rows = sorted(found, key=lambda row: (ids.index(row.parcel_id), kinds.index(row.kind)))
    contents = [await announce.read_content(context.of(request), account_id, row) for row in rows]
    label = schema.Label(schema.PDF, schema.DPIS[schema.PDF][0])
    body = await printing.merge(rows, contents, label, None)
    await _record_prints(request, web_user.caller, [row.parcel_id for row in rows])
    return rendering.document(request, body, "labels.pdf")


async def _record_prints(request: Request, caller: Caller, parcel_ids: Sequence[int]) -> None:
    """Say in the history of their orders that documents were printed."""
    ctx = context.of(request)

    async def work(tx: Transaction) -> None:
        orders = await queries.find_orders_of(tx, caller.account_id, parcel_ids)
        if orders:
            await packing.record_prints(tx, caller, orders, now=ctx.clock())

    await ctx.db.write(work)


ROUTES = [
    Route("GET", "/orders/options", show_options),
    Route("POST", "/orders/labels", make_labels),
    Route("POST", "/orders/{id}/label", make_label),
    Route("GET", "/labels", show_labels),
    Route("GET", "/labels/print", print_labels),
]
