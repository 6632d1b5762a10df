"""Settings: one customer's data, told or erased, and how long the account keeps it. For owners."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.orders.persons import Person
from packhouse.orders.profile import PROFILES
from packhouse.privacy import operations, queries, schema
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome
from packhouse.web.frame.languages import marked

_HERE = "/settings/privacy"
_FIELDS = ("email", "phone", "name", "postal_code")

# What an erasure counts, in the order in which it is told.
_COUNTED = {
    "orders": marked("Orders"),
    "shipments": marked("Shipments"),
    "documents": marked("Documents removed"),
    "documents_kept": marked("Customs papers kept"),
    "shipments_postponed": marked("Shipments that follow once their carrier has answered"),
    "deliveries": marked("Deliveries of webhooks"),
    "integration_logs": marked("Log entries of shops"),
    "import_records": marked("Records of import files"),
    "idempotency_keys": marked("Kept answers"),
    "jobs": marked("Jobs"),
    "audit_entries": marked("Entries of the audit log"),
}


async def show_privacy(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    async with context.of(request).db.read() as tx:
        retention = await queries.find_retention(tx, web_user.session.account_id)
    values: dict[str, Any] = {"retention": retention, "counted": _COUNTED}
    return forms.render(request, "settings_privacy.html", web_user, outcome, **values)


Work = Callable[[web_users.WebUser, Person], Awaitable[Response]]


async def _with_person(request: Request, work: Work, *, confirmed: bool) -> Response:
    """No transaction around it: what is done takes many."""
    web_user = await web_users.owner(request)
    form = await web_users.read_form(request, web_user.token)
    try:
        if confirmed and not web_users.text(form, "confirmed"):
            raise forms.refuse("confirmed", message("Tick this first: what is erased cannot be brought back."))
        person = schema.to_person({name: web_users.text(form, name).replace("\0", "") for name in _FIELDS})
    except errors.Invalid as refusal:
        return await _show(request, web_user, Outcome(forms.to_typed("person", form, refusal.faults), status=422))
    return await work(web_user, person)


async def export_person(request: Request) -> Response:
    ctx = context.of(request)

    async def work(web_user: web_users.WebUser, person: Person) -> Response:
        exported = await queries.export_person(
            ctx.db,
            web_user.caller,
            person,
            now=ctx.clock(),
            base_url=http.base_url(request),
            id_is_text=PROFILES[ctx.settings.profile].id_is_text,
        )
        await ctx.db.write(lambda tx: operations.record_export(tx, web_user.caller, exported, now=ctx.clock()))
        body = orjson.dumps(exported, option=orjson.OPT_INDENT_2)
        headers = {**rendering.headers(request), "Content-Disposition": 'attachment; filename="person.json"'}
        return Response(body, media_type="application/json", headers=headers)

    return await _with_person(request, work, confirmed=False)


async def erase_person(request: Request) -> Response:
    async def work(web_user: web_users.WebUser, person: Person) -> Response:
        report = await operations.erase_person(context.of(request), web_user.caller, person)
        return await _show(request, web_user, Outcome(told=report.to_wire()))

    return await _with_person(request, work, confirmed=True)


async def change_retention(request: Request) -> Response:
    async def work(change: Change) -> None:
        sent = {name: _to_days(name, change.text(name)) for name in ("days", "documents_days")}
        checked = schema.read_retention(orjson.dumps(sent))
        await operations.change_retention(change.tx, change.web_user.caller, checked, now=change.now)

    return await forms.carry_out(request, "retention", work, _show, _HERE)


def _to_days(name: str, text: str) -> int | None:
    """An empty field is for ever."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise forms.refuse(name, message("This is no number of days."))
    return int(text)


ROUTES = [
    Route("GET", "/settings/privacy", show_privacy),
    Route("POST", "/settings/privacy/export", export_person),
    Route("POST", "/settings/privacy/erase", erase_person),
    Route("POST", "/settings/privacy/retention", change_retention),
]
