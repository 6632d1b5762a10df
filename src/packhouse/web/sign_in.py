"""Signing in and out."""

import asyncio
from datetime import datetime
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import attempts, audit, auth, browsers, sessions, users
from packhouse.accounts.failures import Failure
from packhouse.kit import http, security
from packhouse.kit.db import Transaction
from packhouse.web import rendering, visitors
from packhouse.web.front import front
from packhouse.web.languages import COOKIE as LANGUAGE_COOKIE
from packhouse.web.languages import available

router = APIRouter(include_in_schema=False)

_YEAR = 365 * 86_400
_HOUR = 3_600


@router.get("/sign-in")
async def show_sign_in(request: Request) -> Response:
    if await visitors.find_visitor(request) is not None:
        return rendering.redirect(request, visitors.to_local(request.query_params.get("then", "/orders")))
    return _show_form(request, then=request.query_params.get("then", "/orders"))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    house = http.house(request)
    form = await visitors.read_form(request, visitors.form_token(request))
    email, password, then = (visitors.text(form, "email"), str(form.get("password", "")), visitors.text(form, "then"))
    browser, now = request.cookies.get(visitors.BROWSER_COOKIE, ""), house.clock()
    async with house.db.read() as tx:
        user = await users.find_user(tx, email) if email and "\0" not in email else None
        known = await browsers.find(tx, browser, user, now=now)
    bounds = attempts.to_bounds(email, visitors.find_host(request), known)
    if (next_at := await attempts.take(house.db, bounds, now=now)) is not None:
        return _refuse_for_now(request, email, then, next_at)
    is_right = await _is_let_in(request, user, password[: users.MAX_PASSWORD + 1])
    if user is None or not is_right:
        return _show_form(request, then=then, email=email, is_wrong=True, status=422)
    async with house.db.write() as tx:
        await attempts.forgive(tx, bounds)
        until = now + front(request).session_length
        cookie = await sessions.start(tx, user.account_id, user.id, now=now, until=until)
        browser = await browsers.remember(tx, browser, user.account_id, user.id, now=now)
        await _record(request, tx, user, "user.signed_in")
    response = rendering.redirect(request, visitors.to_local(then))
    visitors.set_session(request, response, cookie, browser)
    response.delete_cookie(visitors.FORM_COOKIE, path="/sign-in")
    return response


async def _is_let_in(request: Request, user: Any, password: str) -> bool:
    """A wrong e-mail address takes as long as a wrong password."""
    nobody = await asyncio.to_thread(_hash_of_nobody)
    hashed = user.password_hash if user is not None else nobody
    is_right = await asyncio.to_thread(security.is_password, password, hashed)
    if is_right and user is not None and user.disabled_at is None:
        return True
    if user is not None:
        failure = Failure(user.account_id, f"user:{user.id}", "user.sign_in_failed", user.email)
        auth.failures(request).note(failure)
    return False


@cache
def _hash_of_nobody() -> str:
    """Looked at when there is no such user, so that a wrong e-mail address takes as long as a wrong password. Made with
    the first sign-in, whoever it is: making it takes a while that no command should wait for."""
    return security.hash_password(security.new_secret())


async def _record(request: Request, tx: Transaction, user: Any, action: str) -> None:
    house = http.house(request)
    actor = f"user:{user.id}"
    await audit.record(house.db, tx, user.account_id, actor, action, user.email, now=house.clock())


def _refuse_for_now(request: Request, email: str, then: str, next_at: datetime) -> Response:
    seconds = visitors.to_seconds(request, next_at)
    response = _show_form(request, then=then, email=email, wait_seconds=seconds, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _show_form(
    request: Request, *, then: str, email: str = "", is_wrong: bool = False, wait_seconds: int = 0, status: int = 200
) -> Response:
    cookie, token = visitors.new_form_cookie()
    told: dict[str, Any] = {
        "then": visitors.to_local(then),
        "email": email,
        "is_wrong": is_wrong,
        "wait_seconds": wait_seconds,
    }
    response = rendering.render(request, "sign_in.html", status=status, token=token, **told)
    visitors.set_cookie(request, response, visitors.FORM_COOKIE, cookie, _HOUR, path="/sign-in")
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Here, or with `everywhere` on every device."""
    visitor = await visitors.visitor(request)
    form = await visitors.read_form(request, visitor.token)
    async with http.house(request).db.write() as tx:
        await sessions.end(tx, request.cookies[visitors.SESSION_COOKIE])
        if visitors.text(form, "everywhere"):
            await users.end_sessions(tx, visitor.session.account_id, visitor.session.user_id)
    response = rendering.redirect(request, "/sign-in")
    response.delete_cookie(visitors.SESSION_COOKIE, path="/")
    return response


@router.post("/preferences")
async def change_preferences(request: Request) -> Response:
    """Language and light or dark, kept in the browser."""
    visitor = await visitors.visitor(request)
    form = await visitors.read_form(request, visitor.token)
    response = rendering.redirect(request, visitors.to_local(visitors.text(form, "then") or "/"))
    kept = ((LANGUAGE_COOKIE, "language", tuple(available())), (rendering.THEME_COOKIE, "theme", rendering.THEMES))
    for cookie, field, known in kept:
        if (value := visitors.text(form, field)) in known:
            visitors.set_cookie(request, response, cookie, value, _YEAR)
    return response
