"""Settings: what can be shipped with, and what ships where nothing else decides."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.shipping.setup import options, setup
from packhouse.web.frame import forms, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome

_HERE = "/settings/options"


async def show_options(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    ctx = context.of(request)
    found = await setup.read_setup(ctx.db, web_user.session.account_id, now=ctx.clock())
    known = ctx.options
    usable = {
        option.code: id for way in (False, True) for option, id in options.find_options(known, found, is_return=way)
    }
    # What can be shipped with comes first, then what lacks a contract.
    shown = sorted(known.all(), key=lambda option: (option.code not in usable, option.is_return))
    rows = [(option, known.carriers[option.carrier_code].name, usable.get(option.code)) for option in shown]
    values: dict[str, Any] = {
        "rows": rows,
        "contracts": found.contract,
        "settings": setup.show_settings(found),
    }
    return forms.render(request, "settings_options.html", web_user, outcome, **values)


async def change_defaults(request: Request) -> Response:
    return await forms.carry_out(request, "defaults", _change_defaults, _show, _HERE)


async def _change_defaults(change: Change) -> None:
    code = change.text("default_shipping_option_code")
    known = context.of(change.request).options
    found = await setup.load_setup(change.tx, change.account_id, now=change.now)
    if code not in {option.code for option, _ in options.find_options(known, found)}:
        raise forms.refuse("default_shipping_option_code", message("This account has no such shipping option."))
    back = change.text("default_return_option_code") or None
    if back and back not in {option.code for option, _ in options.find_options(known, found, is_return=True)}:
        raise forms.refuse("default_return_option_code", message("This account has no such shipping option."))
    prefix = change.text("gs1_company_prefix") or None
    sent = {"default_shipping_option_code": code, "default_return_option_code": back, "gs1_company_prefix": prefix}
    await setup.update_settings(change.tx, change.account_id, sent, now=change.now)


ROUTES = [
    Route("GET", "/settings/options", show_options),
    Route("POST", "/settings/options", change_defaults),
]
