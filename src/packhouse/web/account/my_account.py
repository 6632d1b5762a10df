"""What a person may do about themselves, whatever their role: change their own password."""

import asyncio
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import attempts, audit, browsers, operations, sessions, users
from packhouse.accounts import queries as accounts
from packhouse.accounts.failures import Failure
from packhouse.kit import errors, security
from packhouse.kit.data import zones
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.forms import FRESH, Outcome

_HERE = "/account"
_DIFFERENT = message("The two new passwords differ.")
_WRONG = message("This is not your password.")


async def show_account(request: Request) -> Response:
    web_user = await web_users.require_user(request)
    is_changed = request.query_params.get("changed") == "1"
    return await _show(request, web_user, Outcome(told={"is_changed": is_changed}))


async def _show(
    request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH, *, wait_seconds: int = 0
) -> Response:
    async with context.of(request).db.read() as tx:
        account = await accounts.get_account_by_id(tx, web_user.session.account_id)
    country = account.country_code
    values: dict[str, Any] = {
        "time_zone": account.time_zone or "",
        "zone_names": zones.list_names(),
        "country": country,
    }
    values |= {"zone_of_country": zones.find_default(country), "wait_seconds": wait_seconds}
    return forms.render(request, "my_account.html", web_user, outcome, **values)


async def set_time_zone(request: Request) -> Response:
    """Whose days are the account's: its owners say so."""
    web_user = await web_users.owner(request)
    form = await web_users.read_form(request, web_user.token)
    name, ctx = web_users.text(form, "time_zone") or None, context.of(request)
    try:

        async def work(tx: Transaction) -> None:
            actor, account_id = web_user.caller.actor, web_user.session.account_id
            await operations.set_time_zone(tx, account_id, name, now=ctx.clock(), actor=actor)

        await ctx.db.write(work)
    except errors.Invalid as refusal:
        return await _show(request, web_user, Outcome(forms.to_typed("time_zone", form, refusal.faults), status=422))
    return rendering.redirect(request, _HERE)


async def change_password(request: Request) -> Response:
    """Wrong current passwords are counted by session: a browser that was left open is no way around the bound, and
    holds up nobody elsewhere. Every session ends, this one too, and this browser gets a new one."""
    web_user = await web_users.require_user(request)
    form = await web_users.read_form(request, web_user.token)
    current, new, again = (str(form.get(name, "")) for name in ("current_password", "password", "again"))
    ctx, session = context.of(request), web_user.session
    try:
        _check_new(new, again)
        bounds = attempts.to_session_bounds(session.token_hash)
        if (next_at := await attempts.take(ctx.db, bounds, now=ctx.clock())) is not None:
            seconds = web_users.to_seconds(request, next_at)
            response = await _show(request, web_user, Outcome(status=429), wait_seconds=seconds)
            response.headers["Retry-After"] = str(seconds)
            return response
        cookie, browser = await _replace(request, web_user, current[: users.MAX_PASSWORD + 1], new)
    except errors.Invalid as refusal:
        return await _show(request, web_user, Outcome(forms.to_typed("password", form, refusal.faults), status=422))
    response = rendering.redirect(request, f"{_HERE}?changed=1")
    web_users.set_session(request, response, cookie, browser)
    return response


def _check_new(new: str, again: str) -> None:
    """Raises Invalid. Before an attempt is counted: who mistypes a new password has not guessed at the old one."""
    users.check_password(new)
    if new != again:
        raise forms.refuse("again", _DIFFERENT)


async def _replace(request: Request, web_user: web_users.WebUser, current: str, new: str) -> tuple[str, str]:
    """The cookies of a new session and of this browser. Raises Invalid for a wrong current password."""
    ctx, session = context.of(request), web_user.session
    account_id, id = session.account_id, session.user_id
    async with ctx.db.read() as tx:
        was = (await users.get_user(tx, account_id, id)).password_hash
    if not await asyncio.to_thread(security.is_password, current, was):
        failure = Failure(account_id, web_user.caller.actor, "user.password_change_failed", session.email)
        context.of(request).failures.note(failure)
        raise forms.refuse("current_password", _WRONG)
    hashed = await asyncio.to_thread(security.hash_password, new)
    now = ctx.clock()

    async def work(tx: Transaction) -> tuple[str, str]:
        if not await users.replace_password(tx, account_id, id, was, hashed):
            raise forms.refuse("current_password", _WRONG)
        action, actor = "user.password_changed", web_user.caller.actor
        await audit.record(tx, account_id, actor, action, session.email, now=now)
        until = now + timedelta(hours=context.of(request).settings.session_hours)
        cookie = await sessions.start(tx, account_id, id, now=now, until=until)
        browser = request.cookies.get(web_users.BROWSER_COOKIE, "")
        return cookie, await browsers.remember(tx, browser, account_id, id, now=now)

    return await ctx.db.write(work)


ROUTES = [
    Route("GET", _HERE, show_account),
    Route("POST", "/account/time-zone", set_time_zone),
    Route("POST", "/account/password", change_password),
]
