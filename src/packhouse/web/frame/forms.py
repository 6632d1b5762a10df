"""A form that changes something: carried out in one transaction, or shown again with the faults at its fields.

A field is named by its place in what the API would have been sent, `conditions/weight/min`, so that the pointer of a
fault names its field; a fault of a part of a field (one of several countries) stands at the field.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors, http
from packhouse.kit.db import Database, Transaction
from packhouse.kit.encryption import NoSecretKey
from packhouse.kit.messages import Message, message
from packhouse.web.frame import rendering, web_users

# Never written into a page again, not even for who typed it.
SECRET = frozenset({"password", "current_password", "again", "code", "credentials", "token", web_users.FIELD})


class Typed(NamedTuple):
    """What was typed into one form of a page and not stored, with the words of each fault by field."""

    form: str
    values: Mapping[str, list[str]]
    faults: Mapping[str, Message]

    def of(self, form: str) -> "Typed":
        """For the form of this name: nothing, where it was another one that was sent."""
        return self if self.form == form else Typed(form, {}, {})

    def value(self, name: str, otherwise: Any = "") -> Any:
        return self.values[name][0] if name in self.values else otherwise

    def is_ticked(self, name: str, value: str, otherwise: bool = False) -> bool:
        """A box that is not ticked is not sent, so any other field says that the form was."""
        return value in self.values.get(name, ()) if self.values else otherwise


NOTHING = Typed("", {}, {})


class Change(NamedTuple):
    """A form that a person may send, inside the transaction that carries it out."""

    request: Request
    db: Database
    tx: Transaction
    web_user: web_users.WebUser
    form: FormData
    now: datetime

    @property
    def account_id(self) -> int:
        return self.web_user.session.account_id

    @property
    def actor(self) -> str:
        return self.web_user.caller.actor

    def text(self, name: str) -> str:
        """No text column keeps U+0000."""
        return web_users.text(self.form, name).replace("\0", "").replace("\r\n", "\n")

    def texts(self, name: str) -> list[str]:
        return [text.replace("\0", "") for text in web_users.texts(self.form, name)]

    def is_ticked(self, name: str) -> bool:
        return bool(self.text(name))


class Outcome(NamedTuple):
    """How a page is shown after a form: with what was typed and refused, or with `told`, what is shown this once."""

    typed: Typed = NOTHING
    told: Mapping[str, Any] | None = None
    status: int = 200


FRESH = Outcome()


class Show(Protocol):
    """Shows the page that a form stands on."""

    def __call__(
        self, request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH
    ) -> Awaitable[Response]: ...


# Gives back what is shown this once, a secret; or nothing.
Work = Callable[[Change], Awaitable[Mapping[str, Any] | None]]


async def carry_out(request: Request, name: str, work: Work, show: Show, then: str | Callable[[], str]) -> Response:
    """An owner's form called `name`; afterwards the reader is sent to `then`, so that a reload repeats nothing. It is
    called once the work is done, where it depends on that."""
    web_user = await web_users.owner(request)
    form = await web_users.read_form(request, web_user.token)
    ctx = context.of(request)
    try:
        told = await ctx.db.write(lambda tx: work(Change(request, ctx.db, tx, web_user, form, ctx.clock())))
    except (errors.Invalid, errors.Conflict, NoSecretKey) as refusal:
        status = 422 if refusal.status == 400 else refusal.status
        return await show(request, web_user, Outcome(to_typed(name, form, refusal.faults), status=status))
    if told is not None:
        return await show(request, web_user, Outcome(told=told))
    return rendering.redirect(request, then if isinstance(then, str) else then())


def render(request: Request, template: str, web_user: web_users.WebUser, outcome: Outcome, **values: Any) -> Response:
    typed, told, status = outcome
    return rendering.render(request, template, web_user, status=status, typed=typed, told=told, **values)


def to_typed(name: str, form: FormData, faults: Iterable[errors.ErrorItem]) -> Typed:
    values = {field: web_users.texts(form, field) for field in form if field.partition("/")[0] not in SECRET}

    def find_field(fault: errors.ErrorItem) -> str:
        place = (fault.pointer or "").removeprefix(errors.ATTRIBUTES).strip("/") or fault.parameter or ""
        while place and place not in form:
            place = place.rpartition("/")[0]
        return place

    return Typed(name, values, errors.gather(faults, find_field))


def to_words(text: str) -> list[str]:
    """Read the words of a field that takes several, with commas or lines between them, each once."""
    parts = text.replace("\n", ",").split(",")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def to_id(request: Request, what: Message) -> int:
    """The path's `id`. Raises NotFound."""
    return http.to_id(request, errors.not_found(message("There is no such {what}.", what=what)))


def read_id(text: str) -> int | None:
    """An id that was chosen from a list, or None."""
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 19 else None


def refuse(field: str, detail: Message) -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("invalid", detail, parameter=field))
