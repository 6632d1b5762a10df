"""Signing in and out."""

import asyncio
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import attempts, audit, browsers, demo, sessions, two_factors, users
from packhouse.accounts.failures import Failure
from packhouse.kit import http, security
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.web.frame import codes, rendering, web_users
from packhouse.web.frame.languages import COOKIE as LANGUAGE_COOKIE
from packhouse.web.frame.languages import available

_YEAR = 365 * 86_400


async def show_sign_in(request: Request) -> Response:
    if await web_users.find_user(request) is not None:
        return rendering.redirect(request, web_users.to_local(request.query_params.get("then", "/orders")))
    return _show_form(request, then=request.query_params.get("then", "/orders"))


async def sign_in(request: Request) -> Response:
    """A person with a second factor is asked for a code next, any other is in."""
    ctx = context.of(request)
    form = await web_users.read_form(request, web_users.form_token(request))
    email, password, then = (web_users.text(form, "email"), str(form.get("password", "")), web_users.text(form, "then"))
    now = ctx.clock()
    async with ctx.db.read() as tx:
        user = await users.find_user(tx, email) if email and "\0" not in email else None
        known = await web_users.find_browser(request, tx, user.account_id, user.id) if user is not None else None
    bounds = attempts.to_bounds(email, web_users.find_host(request), known)
    if (next_at := await attempts.take(ctx.db, bounds, now=now)) is not None:
        return _refuse_for_now(request, email, then, next_at)
    is_right = await _is_let_in(request, user, password[: users.MAX_PASSWORD + 1])
    if user is None or not is_right:
        return _show_form(request, then=then, email=email, is_wrong=True, status=422)

    async def let_in(tx: Transaction) -> Response:
        await attempts.forgive(tx, bounds)
        if await two_factors.has(tx, user.account_id, user.id):
            return _ask_for_code(request, then, await sessions.begin(tx, user.account_id, user.id, now=now))
        cookies = await _start(request, tx, user.account_id, user.id, user.email, confirmed_at=now)
        return _let_in(request, then, cookies)

    return await ctx.db.write(let_in)


async def _start(
    request: Request, tx: Transaction, account_id: int, user_id: int, email: str, *, confirmed_at: datetime
) -> tuple[str, str]:
    """The cookies of the new session, and of the browser."""
    ctx = context.of(request)
    now, browser = ctx.clock(), request.cookies.get(web_users.BROWSER_COOKIE, "")
    until = now + timedelta(hours=context.of(request).settings.session_hours)
    cookie = await sessions.start(tx, account_id, user_id, now=now, until=until, confirmed_at=confirmed_at)
    browser = await browsers.remember(tx, browser, account_id, user_id, now=now)
    await audit.record(tx, account_id, f"user:{user_id}", "user.signed_in", email, now=now)
    return cookie, browser


def _let_in(request: Request, then: str, cookies: tuple[str, str]) -> Response:
    response = rendering.redirect(request, web_users.to_local(then))
    web_users.set_session(request, response, *cookies)
    for name in (web_users.FORM_COOKIE, web_users.PENDING_COOKIE):
        response.delete_cookie(name, path="/sign-in")
    return response


def _ask_for_code(request: Request, then: str, cookie: str) -> Response:
    response = rendering.redirect(request, f"/sign-in/code{rendering.to_query(then=web_users.to_local(then))}")
    seconds = int(sessions.PENDING_FOR.total_seconds())
    web_users.set_cookie(request, response, web_users.PENDING_COOKIE, cookie, seconds, path="/sign-in")
    return response


async def _find_pending(request: Request) -> sessions.Pending | None:
    """The sign-in of this browser whose password was right, a short while ago."""
    ctx = context.of(request)
    async with ctx.db.read() as tx:
        return await sessions.find_pending(tx, request.cookies.get(web_users.PENDING_COOKIE, ""), now=ctx.clock())


async def show_code(request: Request) -> Response:
    then = request.query_params.get("then", "/orders")
    if await _find_pending(request) is None:
        return rendering.redirect(request, web_users.to_sign_in(web_users.to_local(then)))
    return _show_code(request, then)


def _show_code(
    request: Request, then: str, *, is_wrong: bool = False, wait_seconds: int = 0, status: int = 200
) -> Response:
    told: dict[str, Any] = {"then": web_users.to_local(then), "is_wrong": is_wrong, "wait_seconds": wait_seconds}
    token = web_users.form_token(request, web_users.PENDING_COOKIE)
    response = rendering.render(request, "sign_in_code.html", status=status, token=token, **told)
    if wait_seconds:
        response.headers["Retry-After"] = str(wait_seconds)
    return response


async def sign_in_with_code(request: Request) -> Response:
    """The second step: a code of the authenticator, or a recovery code."""
    ctx = context.of(request)
    form = await web_users.read_form(request, web_users.form_token(request, web_users.PENDING_COOKIE))
    code, then = web_users.text(form, "code"), web_users.text(form, "then")
    pending = await _find_pending(request)
    if pending is None:
        return rendering.redirect(request, web_users.to_sign_in(web_users.to_local(then)))
    account_id, user_id = pending.account_id, pending.user_id
    async with ctx.db.read() as tx:
        known = await web_users.find_browser(request, tx, account_id, user_id)
    bounds = attempts.to_code_bounds(account_id, user_id, known)
    if (next_at := await attempts.take(ctx.db, bounds, now=ctx.clock())) is not None:
        return _show_code(request, then, wait_seconds=web_users.to_seconds(request, next_at), status=429)

    async def let_in(tx: Transaction) -> Response:
        is_right = await codes.use_code(request, tx, account_id, user_id, pending.email, code)
        if not is_right or not await sessions.finish(tx, pending):
            return _show_code(request, then, is_wrong=True, status=422)
        await attempts.forgive(tx, bounds)
        cookies = await _start(request, tx, account_id, user_id, pending.email, confirmed_at=pending.created_at)
        return _let_in(request, then, cookies)

    return await ctx.db.write(let_in)


async def _is_let_in(request: Request, user: users.UserRow | None, password: str) -> bool:
    """A wrong e-mail address takes as long as a wrong password."""
    nobody = await asyncio.to_thread(_hash_of_nobody)
    hashed = user.password_hash if user is not None else nobody
    is_right = await asyncio.to_thread(security.is_password, password, hashed)
    if user is not None and demo.is_well_known_password(user.email, password):
        is_right = is_right and http.is_from_this_machine(request)
    if is_right and user is not None and user.disabled_at is None:
        return True
    if user is not None:
        failure = Failure(user.account_id, f"user:{user.id}", "user.sign_in_failed", user.email)
        context.of(request).failures.note(failure)
    return False


@cache
def _hash_of_nobody() -> str:
    """Looked at when there is no such user, so that a wrong e-mail address takes as long as a wrong password. Made with
    the first sign-in, whoever it is: making it takes a while that no command should wait for."""
    return security.hash_password(security.new_secret())


def _refuse_for_now(request: Request, email: str, then: str, next_at: datetime) -> Response:
    seconds = web_users.to_seconds(request, next_at)
    response = _show_form(request, then=then, email=email, wait_seconds=seconds, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _show_form(
    request: Request, *, then: str, email: str = "", is_wrong: bool = False, wait_seconds: int = 0, status: int = 200
) -> Response:
    cookie, token = web_users.new_form_cookie()
    told: dict[str, Any] = {
        "then": web_users.to_local(then),
        "email": email,
        "is_wrong": is_wrong,
        "wait_seconds": wait_seconds,
        "is_reset": request.query_params.get("reset") == "1" and status == 200,
    }
    response = rendering.render(request, "sign_in.html", status=status, token=token, **told)
    web_users.set_form_cookie(request, response, cookie)
    return response


async def sign_out(request: Request) -> Response:
    """Here, or with `everywhere` on every device."""
    web_user = await web_users.require_user(request, before_set_up=True)
    form = await web_users.read_form(request, web_user.token)

    async def work(tx: Transaction) -> None:
        await sessions.end(tx, request.cookies[web_users.SESSION_COOKIE])
        if web_users.text(form, "everywhere"):
            await users.end_sessions(tx, web_user.session.account_id, web_user.session.user_id)

    await context.of(request).db.write(work)
    response = rendering.redirect(request, "/sign-in")
    response.delete_cookie(web_users.SESSION_COOKIE, path="/")
    return response


async def change_preferences(request: Request) -> Response:
    """Language and light or dark, kept in the browser."""
    web_user = await web_users.require_user(request, before_set_up=True)
    form = await web_users.read_form(request, web_user.token)
    response = rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/"))
    kept = ((LANGUAGE_COOKIE, "language", tuple(available())), (rendering.THEME_COOKIE, "theme", rendering.THEMES))
    for cookie, field, known in kept:
        if (value := web_users.text(form, field)) in known:
            web_users.set_cookie(request, response, cookie, value, _YEAR)
    return response


ROUTES = [
    Route("GET", "/sign-in", show_sign_in),
    Route("POST", "/sign-in", sign_in),
    Route("GET", "/sign-in/code", show_code),
    Route("POST", "/sign-in/code", sign_in_with_code),
    Route("POST", "/sign-out", sign_out),
    Route("POST", "/preferences", change_preferences),
]
