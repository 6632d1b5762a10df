"""From a template and its values to an answer: escaped, in the reader's language, under a strict policy."""

from datetime import datetime
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from packhouse import context
from packhouse.kit import clock, messages
from packhouse.kit.data import zones
from packhouse.orders import search
from packhouse.web.frame import assets, formats, languages, names
from packhouse.web.frame.web_users import FIELD, WebUser

THEME_COOKIE = "packhouse_theme"
THEMES = ("auto", "light", "dark")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{images}; connect-src 'self'; "
    "frame-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HIDDEN = Markup('<input type="hidden" name="{}" value="{}">')
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@cache
def _environment(tag: str) -> Environment:
    """One for each locale, so that filters need not be told it. Everything is escaped unless it is Markup."""
    made = Environment(
        loader=PackageLoader("packhouse.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_translations(languages.translations(tag[:2]), newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "money": partial(_money, tag),
        "number": partial(formats.number, tag),
        "typed_number": partial(formats.typed, tag),
        "kilograms": partial(formats.kilograms, tag),
        "country": partial(formats.country, tag),
        "exact": partial(formats.exact, tag),
        "day": partial(formats.day, tag),
        "instant": clock.to_wire,
        "shown_tag": search.to_shown_tag,
        "kept": messages.from_column,
        "translated": partial(languages.translate, tag),
        "translated_lines": partial(languages.translate_lines, tag),
        "field_name": lambda field: languages.translate(tag, names.to_name(field)),
        "field_value": lambda value: languages.translate(tag, names.to_value(value)),
    }
    made.globals["countries"] = lambda: formats.countries(tag)
    made.globals |= {"asset": assets.url, "flag": assets.flag, "languages": languages.available(), "query": to_query}
    return made


def _money(tag: str, price: Any) -> str:
    """Write a price of the wire, parts of which may be missing."""
    if not price or price.get("value") is None:
        return ""
    if not price.get("currency"):
        return formats.number(tag, price["value"])
    return formats.money(tag, price["value"], price["currency"])


def to_query(**values: Any) -> str:
    """`?a=1&b=2` without what is empty; lists become several."""
    given = [(name, value) for name, value in values.items() if value not in (None, "", [], ())]
    return f"?{urlencode(given, doseq=True)}" if given else ""


def render(
    request: Request, template: str, web_user: WebUser | None = None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """The template's answer; `web_user` makes the form token, the menu and the rest of the frame."""
    tag = languages.negotiate(request)
    now: datetime = context.of(request).clock()
    zone = zones.to_zone(web_user.session.time_zone if web_user else "UTC")
    theme = request.cookies.get(THEME_COOKIE, "auto")
    text = (
        _environment(tag)
        .get_template(template)
        .render(
            request=request,
            web_user=web_user,
            session=web_user.session if web_user else None,
            csrf=_HIDDEN.format(FIELD, web_user.token if web_user else "") + _HIDDEN.format(languages.FIELD, tag),
            locale=tag,
            theme=theme if theme in THEMES else "auto",
            now=now,
            ago=lambda instant: formats.ago(tag, instant, now, zone),
            moment=lambda instant: formats.moment(tag, instant, now, zone),
            path=request.scope["path"],
            is_partial=is_partial(request),
            **values,
        )
    )
    return HTMLResponse(text, status, headers(request))


def headers(request: Request) -> dict[str, str]:
    images = " https: http:" if context.of(request).settings.outside_images else ""
    return {**_HEADERS, "Content-Security-Policy": _POLICY.format(images=images)}


def document(request: Request, body: bytes, name: str) -> Response:
    """A PDF, which our own pages may hold in a frame to print it."""
    shown = {**headers(request), "Content-Security-Policy": "frame-ancestors 'self'"}
    return Response(
        body,
        media_type="application/pdf",
        headers={**shown, "Content-Disposition": f'inline; filename="{name}"'},
    )


def is_partial(request: Request) -> bool:
    """htmx asks for a part of the page; going back in history it asks for the whole."""
    asked = request.headers
    return asked.get("hx-request") == "true" and asked.get("hx-history-restore-request") != "true"


def redirect(request: Request, place: str) -> Response:
    """After a change, to what shows it; htmx is told so in its own way."""
    if is_partial(request):
        return Response(status_code=204, headers={"HX-Redirect": place, **_HEADERS})
    return RedirectResponse(place, 303, _HEADERS)
