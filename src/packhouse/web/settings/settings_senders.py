"""Settings: the addresses that parcels are sent from, the contracts with carriers, and the brands."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.setup_schema import BRAND, CONTRACT, SENDER, Kind
from packhouse.web.frame import forms, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome

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
    """Credentials that are left empty stay as they are."""
    sent: dict[str, Any] = {name: change.text(name) or None for name in CONTRACT_FIELDS}
    sent["is_active"] = change.is_ticked("is_active")
    named = _read_named(change, str(sent["carrier_code"] or ""))
    if lines := change.text("credentials"):
        named |= _read_credentials(lines)
    if named:
        sent["credentials"] = named
    return sent


def _read_named(change: Change, carrier_code: str) -> dict[str, str]:
    """What was typed into the fields of the carrier that was chosen."""
    at = f"credentials/{carrier_code}/"
    return {name.removeprefix(at): text for name in change.form if name.startswith(at) and (text := change.text(name))}


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
    values: dict[str, Any] = {
        "place": page.place,
        "items": [setup.show_item(found, page.kind, id) for id in found.ids(page.kind)],
        "chosen": None if chosen is None else setup.show_item(found, page.kind, chosen),
        "default_brand": found.default_brand(),
        "has_credentials": chosen is not None and bool(set(found.of_kind(page.kind)[chosen]) & _SEALED),
        "carriers": carriers,
        "contract_fields": {
            code: asked
            for code, carrier in context.of(request).options.carriers.items()
            if (asked := getattr(carrier, "contract_fields", ()))
        },
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
        await setup.create_item(change.tx, encryptor, change.account_id, page.kind, reading.value, now=change.now)

    return await forms.carry_out(request, "new", work, partial(_show, page, None), page.place)


async def change_item(page: Page, request: Request) -> Response:
    id = _to_id(page, request)

    async def work(change: Change) -> None:
        sent = page.read(change)
        if change.is_ticked("is_default"):
            sent["is_default"] = True
        await _update(change, page, id, sent)

    return await forms.carry_out(request, f"edit-{id}", work, partial(_show, page, id), page.place)


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
