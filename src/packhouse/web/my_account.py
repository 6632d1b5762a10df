"""What a person may do about themselves, whatever their role: change their own password."""

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import attempts, audit, auth, browsers, operations, sessions, users
from packhouse.accounts import queries as accounts
from packhouse.accounts.failures import Failure
from packhouse.kit import errors, http, security, zones
from packhouse.kit.messages import message
from packhouse.web import forms, rendering, visitors
from packhouse.web.forms import FRESH, Outcome
from packhouse.web.front import front

router = APIRouter(include_in_schema=False)

_HERE = "/account"
_DIFFERENT = message("The two new passwords differ.")
_WRONG = message("This is not your password.")


@router.get(_HERE)
async def show_account(request: Request) -> Response:
    visitor = await visitors.visitor(request)
    is_changed = request.query_params.get("changed") == "1"
    return await _show(request, visitor, Outcome(told={"is_changed": is_changed}))


async def _show(
    request: Request, visitor: visitors.Visitor, outcome: Outcome = FRESH, *, wait_seconds: int = 0
) -> Response:
    async with http.house(request).db.read() as tx:
        account = await accounts.get_account_by_id(tx, visitor.session.account_id)
    country = account.country_code
    values = {"time_zone": account.time_zone or "", "zone_names": zones.list_names(), "country": country}
    values |= {"zone_of_country": zones.find_default(country), "wait_seconds": wait_seconds}
    return forms.render(request, "my_account.html", visitor, outcome, **values)


@router.post("/account/time-zone")
async def set_time_zone(request: Request) -> Response:
    """Whose days are the account's: its owners say so."""
    visitor = await visitors.owner(request)
    form = await visitors.read_form(request, visitor.token)
    name, house = visitors.text(form, "time_zone") or None, http.house(request)
    try:
        async with house.db.write() as tx:
            actor, account_id = visitor.caller.actor, visitor.session.account_id
            await operations.set_time_zone(house.db, tx, account_id, name, now=house.clock(), actor=actor)
    except errors.Invalid as refusal:
        return await _show(request, visitor, Outcome(forms.to_typed("time_zone", form, refusal.faults), status=422))
    return rendering.redirect(request, _HERE)


@router.post("/account/password")
async def change_password(request: Request) -> Response:
    """Wrong current passwords are counted by session: a browser that was left open is no way around the bound, and
    holds up nobody elsewhere. Every session ends, this one too, and this browser gets a new one."""
    visitor = await visitors.visitor(request)
    form = await visitors.read_form(request, visitor.token)
    current, new, again = (str(form.get(name, "")) for name in ("current_password", "password", "again"))
    house, session = http.house(request), visitor.session
    try:
        _check_new(new, again)
        bounds = attempts.to_session_bounds(session.token_hash)
        if (next_at := await attempts.take(house.db, bounds, now=house.clock())) is not None:
            seconds = visitors.to_seconds(request, next_at)
            response = await _show(request, visitor, Outcome(status=429), wait_seconds=seconds)
            response.headers["Retry-After"] = str(seconds)
            return response
        cookie, browser = await _replace(request, visitor, current[: users.MAX_PASSWORD + 1], new)
    except errors.Invalid as refusal:
        return await _show(request, visitor, Outcome(forms.to_typed("password", form, refusal.faults), status=422))
    response = rendering.redirect(request, f"{_HERE}?changed=1")
    visitors.set_session(request, response, cookie, browser)
    return response


def _check_new(new: str, again: str) -> None:
    """Raises Invalid. Before an attempt is counted: who mistypes a new password has not guessed at the old one."""
    users.check_password(new)
    if new != again:
        raise forms.refuse("again", _DIFFERENT)


async def _replace(request: Request, visitor: visitors.Visitor, current: str, new: str) -> tuple[str, str]:
    """The cookies of a new session and of this browser. Raises Invalid for a wrong current password."""
    house, session = http.house(request), visitor.session
    account_id, id = session.account_id, session.user_id
    async with house.db.read() as tx:
        was = (await users.get_user(tx, account_id, id)).password_hash
    if not await asyncio.to_thread(security.is_password, current, was):
        failure = Failure(account_id, visitor.caller.actor, "user.password_change_failed", session.email)
        auth.failures(request).note(failure)
        raise forms.refuse("current_password", _WRONG)
    hashed = await asyncio.to_thread(security.hash_password, new)
    now = house.clock()
    async with house.db.write() as tx:
        if not await users.replace_password(tx, account_id, id, was, hashed):
            raise forms.refuse("current_password", _WRONG)
        action, actor = "user.password_changed", visitor.caller.actor
        await audit.record(house.db, tx, account_id, actor, action, session.email, now=now)
        until = now + front(request).session_length
        cookie = await sessions.start(tx, account_id, id, now=now, until=until)
        browser = request.cookies.get(visitors.BROWSER_COOKIE, "")
        return cookie, await browsers.remember(tx, browser, account_id, id, now=now)
