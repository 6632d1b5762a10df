"""Settings: what can be shipped with, and what ships where nothing else decides."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.shipping.setup import options, setup
from packhouse.shipping.setup.setup_schema import MAX_ALIASES
from packhouse.web.frame import forms, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome

_HERE = "/settings/options"
_LONGEST = 255


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
        "names": {option.code: option.name for option in known.all()},
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


async def add_alias(request: Request) -> Response:
    """A code that clients know from elsewhere, and the option that is meant by it here."""
    return await forms.carry_out(request, "alias", _add_alias, _show, f"{_HERE}#aliases")


async def _add_alias(change: Change) -> None:
    code, meant = change.text("code").strip(), change.text("option")
    if not code or len(code) > _LONGEST:
        raise forms.refuse("code", message("Field required") if not code else message("This code is too long."))
    known = context.of(change.request).options
    if known.find(code) is not None:
        raise forms.refuse("code", message("This is the code of an option here, and means that."))
    if known.find(meant) is None:
        raise forms.refuse("option", message("This account has no such shipping option."))
    await _store_aliases(change, {code: meant}, [])


async def delete_alias(request: Request) -> Response:
    async def work(change: Change) -> None:
        await _store_aliases(change, {}, [change.text("code")])

    return await forms.carry_out(request, "alias", work, _show, f"{_HERE}#aliases")


async def _store_aliases(change: Change, added: Mapping[str, str], removed: Sequence[str]) -> None:
    found = await setup.load_setup(change.tx, change.account_id, now=change.now)
    aliases = {**(found.settings.get("option_aliases") or {}), **added}
    if len(aliases) > MAX_ALIASES:
        raise forms.refuse("code", message("At most {most} are possible.", most=MAX_ALIASES))
    left = {code: meant for code, meant in aliases.items() if code not in removed}
    await setup.update_settings(change.tx, change.account_id, {"option_aliases": left}, now=change.now)


ROUTES = [
    Route("GET", "/settings/options", show_options),
    Route("POST", "/settings/options", change_defaults),
    Route("POST", "/settings/options/aliases", add_alias),
    Route("POST", "/settings/options/aliases/delete", delete_alias),
]
