"""What a person may do about themselves, whatever their role: change their own password."""

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import audit, auth, operations, sessions, users
from packhouse.accounts import queries as accounts
from packhouse.accounts.failures import Failure
from packhouse.kit import errors, http, security, zones
from packhouse.web import forms, rendering, visitors
from packhouse.web.forms import FRESH, Outcome
from packhouse.web.front import front
from packhouse.web.languages import marked

router = APIRouter(include_in_schema=False)

_HERE = "/account"
_DIFFERENT = marked("The two new passwords differ.")
_WRONG = marked("This is not your password.")


@router.get(_HERE)
async def show_account(request: Request) -> Response:
    visitor = await visitors.visitor(request)
    is_changed = request.query_params.get("changed") == "1"
    return await _show(request, visitor, Outcome(told={"is_changed": is_changed}))


async def _show(
    request: Request, visitor: visitors.Visitor, outcome: Outcome = FRESH, *, wait_minutes: int = 0
) -> Response:
    async with http.house(request).db.read() as tx:
        account = await accounts.get_account_by_id(tx, visitor.session.account_id)
    country = account.country_code
    values = {"time_zone": account.time_zone or "", "zone_names": zones.list_names(), "country": country}
    values |= {"zone_of_country": zones.find_default(country), "wait_minutes": wait_minutes}
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
    """A wrong current password counts as a failed attempt to sign in: a browser that was left open is no way around the
    limit. Every session ends, this one too, and this browser gets a new one."""
    visitor = await visitors.visitor(request)
    form = await visitors.read_form(request, visitor.token)
    current, new, again = (str(form.get(name, "")) for name in ("current_password", "password", "again"))
    house, session = http.house(request), visitor.session
    now = house.clock()
    try:
        _check_new(new, again)
        async with house.db.write() as tx:
            address = request.client.host if request.client else ""
            blocked_until = await sessions.take_attempt(tx, session.email, address, now=now)
        if blocked_until is not None:
            seconds = max(1, int((blocked_until - now).total_seconds()))
            response = await _show(request, visitor, Outcome(status=429), wait_minutes=-(-seconds // 60))
            response.headers["Retry-After"] = str(seconds)
            return response
        cookie = await _replace(request, visitor, current[: users.MAX_PASSWORD + 1], new)
    except errors.Invalid as refusal:
        return await _show(request, visitor, Outcome(forms.to_typed("password", form, refusal.faults), status=422))
    response = rendering.redirect(request, f"{_HERE}?changed=1")
    seconds = int(front(request).session_length.total_seconds())
    visitors.set_cookie(request, response, visitors.SESSION_COOKIE, cookie, seconds)
    return response


def _check_new(new: str, again: str) -> None:
    """Raises Invalid. Before an attempt is counted: who mistypes a new password has not guessed at the old one."""
    users.check_password(new)
    if new != again:
        raise forms.refuse("again", _DIFFERENT)


async def _replace(request: Request, visitor: visitors.Visitor, current: str, new: str) -> str:
    """The cookie of a new session. Raises Invalid for a wrong current password."""
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
        return await sessions.start(tx, account_id, id, session.email, now=now, until=until)
