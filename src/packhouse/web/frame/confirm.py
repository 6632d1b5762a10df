"""Asks for the password again before what would harm most in the hands of somebody who found a browser open.

The page that asks carries along the form that was sent, and sends it with the password to where it was going. What is
secret in it is never written into a page, so it is asked for again.
"""

import asyncio
from datetime import timedelta
from typing import NamedTuple

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import attempts, sessions, users
from packhouse.accounts.failures import Failure
from packhouse.kit import security
from packhouse.kit.db import Transaction
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.languages import marked

# How long the password counts that was last given in a session.
FRESH_FOR = timedelta(minutes=15)
FIELD = "confirm_password"

_LABELS = {
    "code": marked("The code that the app shows"),
    "password": marked("New password"),
    "token": marked("Bearer token"),
}


class Asked(NamedTuple):
    """A form that was sent, and where the password is to be given before, the page that asks for it."""

    web_user: web_users.WebUser
    form: FormData
    page: Response | None


async def read(request: Request, web_user: web_users.WebUser) -> Asked:
    """Raises as `web_users.read_form` does."""
    form = await web_users.read_form(request, web_user.token)
    return Asked(web_user, form, await _ask(request, web_user, form))


async def read_from_owner(request: Request) -> Asked:
    """Raises as `web_users.owner` does."""
    return await read(request, await web_users.owner(request))


async def carry_out(request: Request, name: str, work: forms.Work, show: forms.Show, then: str) -> Response:
    """Do as `forms.carry_out` does, once the password was given."""
    asked = await read_from_owner(request)
    return asked.page or await forms.carry_out(request, name, work, show, then)


async def _ask(request: Request, web_user: web_users.WebUser, form: FormData) -> Response | None:
    ctx, session = context.of(request), web_user.session
    now = ctx.clock()
    if now - session.confirmed_at < FRESH_FOR:
        return None
    if FIELD not in form:
        return _show(request, web_user, form)
    bounds = attempts.to_session_bounds(session.token_hash)
    if (next_at := await attempts.take(ctx.db, bounds, now=now)) is not None:
        seconds = web_users.to_seconds(request, next_at)
        page = _show(request, web_user, form, wait_seconds=seconds, status=429)
        page.headers["Retry-After"] = str(seconds)
        return page
    if not await _is_password(request, web_user, str(form[FIELD])[: users.MAX_PASSWORD + 1]):
        return _show(request, web_user, form, is_wrong=True, status=422)

    async def work(tx: Transaction) -> None:
        await attempts.forgive(tx, bounds)
        await sessions.confirm(tx, session, now=now)

    await ctx.db.write(work)
    return None


async def _is_password(request: Request, web_user: web_users.WebUser, password: str) -> bool:
    session = web_user.session
    async with context.of(request).db.read() as tx:
        user = await users.get_user(tx, session.account_id, session.user_id)
    if await asyncio.to_thread(security.is_password, password, user.password_hash):
        return True
    failure = Failure(session.account_id, web_user.caller.actor, "user.sign_in_failed", session.email)
    context.of(request).failures.note(failure)
    return False


def _show(
    request: Request,
    web_user: web_users.WebUser,
    form: FormData,
    *,
    is_wrong: bool = False,
    wait_seconds: int = 0,
    status: int = 200,
) -> Response:
    sent = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    secret = {name for name, value in sent if name in forms.SECRET and value and name != web_users.FIELD}
    return rendering.render(
        request,
        "confirm.html",
        web_user,
        status=status,
        kept=[(name, value) for name, value in sent if name not in {*secret, FIELD, web_users.FIELD}],
        secret=[(name, _LABELS.get(name, name)) for name in sorted(secret)],
        is_wrong=is_wrong,
        wait_seconds=wait_seconds,
    )
