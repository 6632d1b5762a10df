"""A forgotten password: the page that asks for a link, and the one that a link leads to."""

import asyncio
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import attempts, audit, reset_links, two_factors, users
from packhouse.kit import errors, http, security
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.web.frame import codes, forms, languages, rendering, web_users
from packhouse.web.frame.languages import marked

_FORGOTTEN, _RESET = "/sign-in/forgotten", "/sign-in/reset"
_MAX_EMAIL = 320
_SUBJECT = marked("A new password for Packhouse")
_ASKED = marked("Somebody asked for a new password of this e-mail address. If it was you, choose one within an hour:")
_IGNORE = marked("If it was not you, leave this message be: nothing was changed.")
_DIFFERENT = message("The two new passwords differ.")
_WRONG_CODE = message("This code is not right, or was used before.")


def _show(request: Request, template: str, *, status: int = 200, wait_seconds: int = 0, **values: Any) -> Response:
    cookie, token = web_users.new_form_cookie()
    response = rendering.render(request, template, status=status, token=token, wait_seconds=wait_seconds, **values)
    if wait_seconds:
        response.headers["Retry-After"] = str(wait_seconds)
    web_users.set_form_cookie(request, response, cookie)
    return response


async def show_forgotten(request: Request) -> Response:
    return _show_forgotten(request)


def _show_forgotten(request: Request, *, is_asked: bool = False, wait_seconds: int = 0, status: int = 200) -> Response:
    values = {"is_asked": is_asked, "sends_mail": (context.of(request).mailer is not None)}
    return _show(request, "forgotten.html", status=status, wait_seconds=wait_seconds, **values)


async def ask_for_link(request: Request) -> Response:
    """Whoever asks is told the same in the same time, so that nobody learns here which people there are."""
    ctx = context.of(request)
    form = await web_users.read_form(request, web_users.form_token(request))
    if not (context.of(request).mailer is not None):
        return _show_forgotten(request)
    now, bounds = ctx.clock(), attempts.to_forgotten_bounds(web_users.find_host(request))
    if (next_at := await attempts.take(ctx.db, bounds, now=now)) is not None:
        return _show_forgotten(request, wait_seconds=web_users.to_seconds(request, next_at), status=429)

    async def work(tx: Transaction) -> None:
        email = web_users.text(form, "email")[:_MAX_EMAIL]
        await reset_links.ask(tx, email, _write_message(request), now=now)

    await ctx.db.write(work)
    return _show_forgotten(request, is_asked=True)


def _write_message(request: Request) -> dict[str, str]:
    """In the language of who asks; the token is put in by the worker that sends it."""
    tag = languages.negotiate(request)
    subject, asked, ignore = (languages.translate(tag, text) for text in (_SUBJECT, _ASKED, _IGNORE))
    link = f"{http.base_url(request)}{_RESET}?link={reset_links.PLACE}"
    return {"subject": subject, "text": f"{asked}\n\n{link}\n\n{ignore}\n"}


async def _find(request: Request, token: str) -> tuple[reset_links.Link | None, bool]:
    """The link, and whether its person has a second factor."""
    ctx = context.of(request)
    async with ctx.db.read() as tx:
        link = await reset_links.find(tx, token, now=ctx.clock())
        return link, link is not None and await two_factors.has(tx, link.account_id, link.user_id)


async def show_reset(request: Request) -> Response:
    """Looking at it uses nothing up: there are mail servers that look at every link."""
    token = request.query_params.get("link", "")
    link, asks_code = await _find(request, token)
    return _show_reset(request, token, link, asks_code=asks_code)


def _show_reset(
    request: Request,
    token: str,
    link: reset_links.Link | None,
    *,
    asks_code: bool = False,
    typed: forms.Typed = forms.NOTHING,
    wait_seconds: int = 0,
    status: int = 200,
) -> Response:
    values = {"link": token, "email": link.email if link is not None else "", "asks_code": asks_code, "typed": typed}
    status = 404 if link is None else status
    return _show(request, "reset_password.html", status=status, wait_seconds=wait_seconds, **values)


async def reset_password(request: Request) -> Response:
    """A wrong code leaves the link as it is; the right one ends every session of the person."""
    ctx = context.of(request)
    form = await web_users.read_form(request, web_users.form_token(request))
    token = web_users.text(form, "link")
    link, asks_code = await _find(request, token)
    if link is None:
        return _show_reset(request, token, None)
    bounds = attempts.to_code_bounds(link.account_id, link.user_id, None)
    try:
        new = _read_password(form)
        if asks_code and (next_at := await attempts.take(ctx.db, bounds, now=ctx.clock())) is not None:
            seconds = web_users.to_seconds(request, next_at)
            return _show_reset(request, token, link, asks_code=asks_code, wait_seconds=seconds, status=429)
        is_used = await _use(request, link, new, web_users.text(form, "code") if asks_code else None)
    except errors.Invalid as refusal:
        typed = forms.to_typed("reset", form, refusal.faults)
        return _show_reset(request, token, link, asks_code=asks_code, typed=typed, status=422)
    if not is_used:
        return _show_reset(request, token, None)
    return rendering.redirect(request, "/sign-in?reset=1")


def _read_password(form: FormData) -> str:
    """Raises Invalid."""
    new, again = (str(form.get(name, "")) for name in ("password", "again"))
    users.check_password(new)
    if new != again:
        raise forms.refuse("again", _DIFFERENT)
    return new


async def _use(request: Request, link: reset_links.Link, new: str, code: str | None) -> bool:
    """Whether the link was still good. Raises Invalid for a wrong code."""
    ctx = context.of(request)
    account_id, user_id, email = link.account_id, link.user_id, link.email
    hashed = await asyncio.to_thread(security.hash_password, new)

    async def use(tx: Transaction) -> bool:
        if code is not None and not await codes.use_code(request, tx, account_id, user_id, email, code):
            raise forms.refuse("code", _WRONG_CODE)
        if not await reset_links.use(tx, link, hashed):
            return False
        await attempts.forgive(tx, attempts.to_code_bounds(account_id, user_id, None))
        actor, action = f"user:{user_id}", "user.password_reset"
        await audit.record(tx, account_id, actor, action, email, now=ctx.clock())
        return True

    return await ctx.db.write(use)


ROUTES = [
    Route("GET", _FORGOTTEN, show_forgotten),
    Route("POST", _FORGOTTEN, ask_for_link),
    Route("GET", _RESET, show_reset),
    Route("POST", _RESET, reset_password),
]
