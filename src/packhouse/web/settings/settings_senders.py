"""Settings: the addresses that parcels are sent from, the contracts with carriers, and the brands."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.consignment import ContractField
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.shipping import consignment
from packhouse.shipping import contract_checks as checks
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.setup_schema import BRAND, CONTRACT, SENDER, Kind
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome
from packhouse.web.frame.languages import marked

SENDER_FIELDS = (
    "name", "company_name", "address_line_1", "house_number", "address_line_2", "postal_code", "city",
    "state_province_code", "country_code", "email", "phone_number", "vat_number", "eori_number",
)  # fmt: skip
BRAND_FIELDS = ("name", "website", "email", "phone_number")
CONTRACT_FIELDS = ("carrier_code", "name", "client_id", "country_code")


class Page(NamedTuple):
    """A kind of thing that an account has several of: where its list stands, and how its form is read."""

    kind: Kind
    place: str
    template: str
    read: Callable[[Change], dict[str, Any]]


def _read_sender(change: Change) -> dict[str, Any]:
    return {name: change.text(name) or None for name in SENDER_FIELDS}


def _read_brand(change: Change) -> dict[str, Any]:
    return {name: change.text(name) or None for name in BRAND_FIELDS}


def _read_contract(change: Change) -> dict[str, Any]:
    """Without credentials where none were typed."""
    sent: dict[str, Any] = {name: change.text(name) or None for name in CONTRACT_FIELDS}
    sent["is_active"] = change.is_ticked("is_active")
    named: dict[str, Any] = _read_named(change, str(sent["carrier_code"] or ""))
    if lines := change.text("credentials"):
        named |= _read_credentials(lines)
    if named:
        sent["credentials"] = named
    return sent


def _read_named(change: Change, carrier_code: str) -> dict[str, Any]:
    """What was typed into the fields of the carrier that was chosen."""
    at = f"credentials/{carrier_code}/"
    found: dict[str, Any] = {}
    for asked in _list_fields(context.of(change.request).options, carrier_code):
        if text := change.text(f"{at}{asked.name}"):
            found[asked.name] = text == "true" if asked.type == "boolean" else text
    return found


def _list_fields(options: Options, carrier_code: str) -> Sequence[ContractField]:
    return getattr(options.carriers.get(carrier_code), "contract_fields", ())


def _complete(change: Change, carrier_code: str, known: Mapping[str, Any], sent: dict[str, Any]) -> None:
    """Put what was typed beside the credentials that are kept. Raises Invalid where the carrier needs more than that:
    a contract without any is none yet, and may wait for them."""
    if "credentials" not in sent:
        return
    sent["credentials"] = {**known, **sent["credentials"]}
    fields = _list_fields(context.of(change.request).options, carrier_code)
    lacking = [asked.name for asked in fields if asked.required and not sent["credentials"].get(asked.name)]
    if lacking:
        places = [f"credentials/{carrier_code}/{name}" for name in lacking]
        detail = message("The carrier needs this.")
        raise errors.Invalid([errors.ErrorItem("invalid", detail, parameter=place) for place in places])


def _read_credentials(text: str) -> dict[str, str]:
    """Lines of `name: value`."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, colon, value = line.partition(":")
        if not (name.strip() and colon and value.strip()):
            raise forms.refuse("credentials", message("Write a line for each, like  username: ada"))
        found[name.strip()] = value.strip()
    return found


SENDERS = Page(SENDER, "/settings/senders", "settings_senders.html", _read_sender)
BRANDS = Page(BRAND, "/settings/brands", "settings_brands.html", _read_brand)
CONTRACTS = Page(CONTRACT, "/settings/contracts", "settings_contracts.html", _read_contract)


async def show_items(page: Page, request: Request) -> Response:
    return await _show(page, None, request, await web_users.owner(request))


async def show_item(page: Page, request: Request) -> Response:
    web_user = await web_users.owner(request)
    return await _show(page, _to_id(page, request), request, web_user)


async def _show(
    page: Page,
    chosen: int | None,
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    """The list beside one form: of the one that is chosen, or of a new one."""
    ctx = context.of(request)
    found = await setup.read_setup(ctx.db, web_user.session.account_id, now=ctx.clock())
    carriers = {code: carrier.name for code, carrier in context.of(request).options.carriers.items()}
    options = ctx.options
    async with ctx.db.read() as tx:
        tested = await checks.list_checks(tx, web_user.session.account_id) if page.kind is CONTRACT else {}
    values: dict[str, Any] = {
        "tested": tested,
        "check_words": CHECK_WORDS,
        "is_overdue": {id: ctx.clock() - check.at > checks.OVERDUE for id, check in tested.items()},
        "checkable": {code for code in options.carriers if checks.can_check(options, code)},
        "secret_words": _SECRET_WORDS,
        "place": page.place,
        "items": [setup.show_item(found, page.kind, id) for id in found.ids(page.kind)],
        "chosen": None if chosen is None else setup.show_item(found, page.kind, chosen),
        "default_brand": found.default_brand(),
        "has_credentials": chosen is not None and bool(set(found.of_kind(page.kind)[chosen]) & _SEALED),
        "carriers": carriers,
        "contract_fields": {code: asked for code in options.carriers if (asked := _list_fields(options, code))},
    }
    return forms.render(request, page.template, web_user, outcome, **values)


_SEALED = frozenset({"credentials", "sealed_credentials"})


async def create_item(page: Page, request: Request) -> Response:
    async def work(change: Change) -> None:
        sent = {name: value for name, value in page.read(change).items() if value is not None}
        if change.is_ticked("is_default"):
            sent["is_default"] = True
        reading = validation.read_json(page.kind.shape, orjson.dumps(sent))
        setup.refuse_flaws(reading.flaws)
        encryptor = context.of(change.request).encryptor
        if page.kind is CONTRACT:
            _complete(change, reading.value["carrier_code"], {}, reading.value)
        await setup.create_item(change.tx, encryptor, change.account_id, page.kind, reading.value, now=change.now)

    return await forms.carry_out(request, "new", work, partial(_show, page, None), page.place)


async def change_item(page: Page, request: Request) -> Response:
    id = _to_id(page, request)

    async def work(change: Change) -> None:
        sent = page.read(change)
        if change.is_ticked("is_default"):
            sent["is_default"] = True
        if page.kind is CONTRACT:
            await _complete_contract(change, id, sent)
        await _update(change, page, id, sent)

    return await forms.carry_out(request, f"edit-{id}", work, partial(_show, page, id), page.place)


async def _complete_contract(change: Change, id: int, sent: dict[str, Any]) -> None:
    """What was typed replaces that of the same name; of another carrier, all of it."""
    if "credentials" not in sent:
        return
    found = await setup.load_setup(change.tx, change.account_id, now=change.now)
    known = consignment.to_contract(found, id, context.of(change.request).encryptor)
    is_same = known is not None and known.carrier_code == sent["carrier_code"]
    _complete(change, sent["carrier_code"], known.credentials if known is not None and is_same else {}, sent)
    await checks.forget(change.tx, change.account_id, id)


async def test_contract(request: Request) -> Response:
    """Ask the carrier, by the worker; the page shows what it says as soon as it has."""
    id = _to_id(CONTRACTS, request)
    options = context.of(request).options

    async def work(change: Change) -> None:
        await checks.request_check(change.tx, options, change.account_id, id, now=change.now)

    return await forms.carry_out(request, f"edit-{id}", work, partial(_show, CONTRACTS, id), f"{CONTRACTS.place}/{id}")


async def show_test(request: Request) -> Response:
    """What became of a test, for the page that waits for it."""
    web_user = await web_users.owner(request)
    id, ctx = _to_id(CONTRACTS, request), context.of(request)
    async with ctx.db.read() as tx:
        check = (await checks.list_checks(tx, web_user.session.account_id)).get(id)
    is_overdue = check is not None and ctx.clock() - check.at > checks.OVERDUE
    values: dict[str, Any] = {"check": check, "is_overdue": is_overdue, "check_words": CHECK_WORDS, "id": id}
    return rendering.render(request, "contract_check.html", web_user, **values)


async def make_default(page: Page, request: Request) -> Response:
    id = _to_id(page, request)

    async def work(change: Change) -> None:
        if page.kind is BRAND:  # a brand does not say so itself, as the API has it
            sent = {"default_brand_id": id}
            await setup.update_settings(change.tx, change.account_id, sent, now=change.now)
        else:
            await _update(change, page, id, {"is_default": True})

    return await forms.carry_out(request, f"edit-{id}", work, partial(_show, page, id), page.place)


async def _update(change: Change, page: Page, id: int, sent: dict[str, Any]) -> None:
    encryptor = context.of(change.request).encryptor
    await setup.update_item(change.tx, encryptor, change.account_id, page.kind, id, sent, now=change.now)


async def delete_item(page: Page, request: Request) -> Response:
    id = _to_id(page, request)

    async def work(change: Change) -> None:
        await setup.delete_item(change.tx, change.account_id, page.kind, id)

    return await forms.carry_out(request, "delete", work, partial(_show, page, None), page.place)


def _to_id(page: Page, request: Request) -> int:
    return http.to_id(
        request,
        errors.not_found(message("There is no such {noun}.", noun=page.kind.noun)),
    )


CHECK_WORDS = {
    checks.WORKS: marked("The carrier takes these credentials."),
    checks.REFUSED: marked("The carrier refuses these credentials."),
    checks.AWAY: marked("The carrier cannot be reached now: try again later."),
}
# A field whose name holds one of these is not shown while it is typed.
_SECRET_WORDS = ("secret", "password", "passphrase", "key")

_Handler = Callable[[Page, Request], Awaitable[Response]]
_OPERATIONS: tuple[tuple[str, str, _Handler], ...] = (
    ("GET", "", show_items),
    ("POST", "", create_item),
    ("GET", "/{id}", show_item),
    ("POST", "/{id}", change_item),
    ("POST", "/{id}/default", make_default),
    ("POST", "/{id}/delete", delete_item),
)

ROUTES = [
    Route(method, f"{page.place}{at}", partial(handler, page))
    for page in (SENDERS, CONTRACTS, BRANDS)
    for method, at, handler in _OPERATIONS
]
ROUTES += [
    Route("POST", f"{CONTRACTS.place}/{{id}}/test", test_contract),
    Route("GET", f"{CONTRACTS.place}/{{id}}/test", show_test),
]
