"""Who looks at the page, and what proves that a change was meant by them.

The session is a cookie that only the server reads. Each form carries a token made from it: another site can send the
cookie, but cannot read the token. A form that is sent before anybody signed in carries that of a cookie of its own.
"""

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from packhouse import context
from packhouse.accounts import browsers, sessions
from packhouse.accounts.schema import Caller
from packhouse.kit import errors, http
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.web.frame import languages

SESSION_COOKIE = "packhouse_session"
FORM_COOKIE = "packhouse_form"
PENDING_COOKIE = "packhouse_sign_in"
BROWSER_COOKIE = "packhouse_browser"
FIELD = "csrf"


class WebUser(NamedTuple):
    """A signed-in person and the token of their forms."""

    session: sessions.Session
    token: str

    @property
    def caller(self) -> Caller:
        return self.session.caller

    @property
    def may_write(self) -> bool:
        return self.session.caller.may("write:order")

    @property
    def is_owner(self) -> bool:
        return self.session.role == "owner"


class SignInNeeded(errors.Unauthenticated):
    """Answered with the way to the sign-in page and back."""

    def __init__(self, then: str) -> None:
        super().__init__(errors.ErrorItem("authentication_failed", message("Please sign in.")))
        self.then = then


class SetUpNeeded(errors.Forbidden):
    """Answered with the way to the page where a second factor is set up, and back."""

    def __init__(self, then: str) -> None:
        super().__init__(errors.ErrorItem("forbidden", message("Please set up your second factor first.")))
        self.then = then


async def find_user(request: Request) -> WebUser | None:
    cookie = request.cookies.get(SESSION_COOKIE, "")
    ctx = context.of(request)
    found = await sessions.find_session(ctx.db, cookie, now=ctx.clock()) if cookie else None
    if found is None:
        return None
    http.request_info(request).account_id = found.account_id
    return WebUser(found, _to_token(cookie))


async def require_user(request: Request, scope: str = "read:order", *, before_set_up: bool = False) -> WebUser:
    """Raises SignInNeeded, SetUpNeeded unless this is open before that, and Forbidden where their role does not do
    this."""
    found = await find_user(request)
    if found is None:
        raise SignInNeeded(_to_way_back(request))
    if found.session.must_set_up and not before_set_up:
        raise SetUpNeeded(_to_way_back(request))
    if not found.caller.may(scope):
        raise errors.Forbidden(errors.ErrorItem("forbidden", message("Your role does not allow this.")))
    return found


async def owner(request: Request) -> WebUser:
    """Raises as `require_user` does."""
    return await require_user(request, scope="api")


def _to_way_back(request: Request) -> str:
    if request.method != "GET":
        return "/orders"
    query = request.scope.get("query_string", b"").decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")


async def read_form(request: Request, token: str, *, most: int | None = None) -> FormData:
    """Raises Forbidden where the form does not carry the token, TooLarge past the limit of a body, or past `most` bytes
    where it carries a file, which lies on disk."""
    of_text = context.of(request).max_body_bytes
    limit = most or of_text
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    form = await _parse_form(request, limit, of_text)
    sent = form.get(FIELD)
    if not isinstance(sent, str) or not token or not hmac.compare_digest(sent.encode(), token.encode()):
        await form.close()
        detail = message("This form has expired: go back, reload the page and send it again.")
        raise errors.Forbidden(errors.ErrorItem("forbidden", detail))
    request.state.written_in = text(form, languages.FIELD)
    return form


async def _parse_form(request: Request, limit: int, of_text: int) -> FormData:
    """Read once, however often it is asked for: what was received is not received again."""
    known: FormData | None = getattr(request.state, "form", None)
    if known is None:
        bounded = Request(request.scope, _bounded(request.receive, limit))
        try:
            known = request.state.form = await bounded.form(max_files=20, max_fields=5_000, max_part_size=of_text)
        except MultiPartException as error:
            raise HTTPException(400, error.message) from None
    return known


def _bounded(receive: Receive, limit: int) -> Receive:
    """Raises TooLarge past the limit, also where nobody said how long the form is."""
    left = limit

    async def received() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(limit)
        return message

    return received


def _too_large(limit: int) -> errors.TooLarge:
    return errors.TooLarge(errors.ErrorItem("invalid", message("A form may have at most {limit} bytes.", limit=limit)))


def text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def texts(form: FormData, name: str) -> list[str]:
    return [value for value in form.getlist(name) if isinstance(value, str)]


def ids(values: Iterable[str], most: int) -> list[int]:
    """Read what could be ids, each once. Raises Invalid for more than `most`: nothing is left out in silence."""
    found = list(dict.fromkeys(int(value) for value in values if re.fullmatch(r"[1-9][0-9]{0,17}", value)))
    if len(found) > most:
        detail = message("This is possible for at most {most} at once. Choose fewer.", most=most)
        raise errors.Invalid([errors.ErrorItem("invalid", detail, parameter="id")])
    return found


def form_token(request: Request, name: str = FORM_COOKIE) -> str:
    """Before anybody signed in: made from the cookie of the form, empty without one."""
    cookie = request.cookies.get(name, "")
    return _to_token(cookie) if cookie else ""


def new_form_cookie() -> tuple[str, str]:
    cookie = secrets.token_urlsafe(32)
    return cookie, _to_token(cookie)


def set_form_cookie(request: Request, response: Response, cookie: str) -> None:
    """Set the cookie of a form that is sent before anybody signed in."""
    set_cookie(request, response, FORM_COOKIE, cookie, 3_600, path="/sign-in")


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int, *, path: str = "/") -> None:
    response.set_cookie(
        name, value, max_age=seconds, path=path, httponly=True, samesite="lax", secure=is_encrypted(request)
    )


def set_session(request: Request, response: Response, cookie: str, browser: str) -> None:
    """The cookies of a new session, and of the browser that the person is known by from now on."""
    seconds = int(timedelta(hours=context.of(request).settings.session_hours).total_seconds())
    set_cookie(request, response, SESSION_COOKIE, cookie, seconds)
    set_cookie(request, response, BROWSER_COOKIE, browser, int(browsers.KEPT.total_seconds()))


async def find_browser(request: Request, tx: Reader, account_id: int, user_id: int) -> str | None:
    """The hash of the browser that the request comes from, where the person has signed in with it."""
    cookie = request.cookies.get(BROWSER_COOKIE, "")
    return await browsers.find(tx, cookie, account_id, user_id, now=context.of(request).clock())


def find_host(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else ""


def to_seconds(request: Request, next_at: datetime) -> int:
    """How long it is until then, a second at least."""
    return max(1, math.ceil((next_at - context.of(request).clock()).total_seconds()))


def is_encrypted(request: Request) -> bool:
    public = context.of(request).public_url or ""
    return request.url.scheme == "https" or public.startswith("https:")


def to_sign_in(then: str) -> str:
    return f"/sign-in?then={quote(then, safe='')}"


def to_set_up(then: str) -> str:
    return f"/account/two-factors?then={quote(then, safe='')}"


def to_local(place: str) -> str:
    """A place on this server, whatever was sent: a way back must not lead elsewhere."""
    is_local = place.startswith("/") and not place.startswith(("//", "/\\")) and place.isprintable()
    return place if is_local else "/"


def _to_token(cookie: str) -> str:
    return hmac.digest(cookie.encode("utf-8", "surrogatepass"), b"packhouse form", hashlib.sha256).hex()
