"""Settings: the people of the account."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import audit, two_factors, users
from packhouse.kit import errors, security
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.web.frame import confirm, forms, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome

_HERE = "/settings/users"


async def show_users(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    async with context.of(request).db.read() as tx:
        rows = await users.list_users(tx, web_user.session.account_id)
        with_two_factors = await two_factors.list_users(tx, web_user.session.account_id)
        group = await two_factors.get_group(tx, web_user.session.account_id)
    values: dict[str, Any] = {"rows": rows, "roles": list(users.ROLES), "two_factors_for": group}
    values["with_two_factors"] = with_two_factors
    return forms.render(request, "settings_users.html", web_user, outcome, **values)


async def create_user(request: Request) -> Response:
    asked = await confirm.read_from_owner(request)
    if asked.page is not None:
        return asked.page
    hashed = await _hash(asked.form)

    async def work(change: Change) -> None:
        email, role = change.text("email"), change.text("role")
        users.check_user(email, _read_password(change), role)
        await users.create_user(change.tx, change.account_id, email, hashed, role, now=change.now)
        await _record(change, "user.created", email)

    return await forms.carry_out(request, "new", work, _show, _HERE)


async def _hash(form: FormData) -> str:
    """Beside the event loop and before any transaction: it takes some 100 ms of a core."""
    return await asyncio.to_thread(security.hash_password, str(form.get("password", ""))[: users.MAX_PASSWORD])


def _read_password(change: Change) -> str:
    """Read the password as typed: a space may begin or end it."""
    return str(change.form.get("password", ""))


Deed: TypeAlias = Callable[[Change, int], Awaitable[None]]


async def _carry_out(request: Request, form: str, action: str, deed: Deed) -> Response:
    """Do something to one of them, with its entry in the audit log, once the owner's password was given."""
    id = forms.to_id(request, message("user"))
    asked = await confirm.read_from_owner(request)
    return asked.page or await _change(request, id, form, action, deed)


async def _change(request: Request, id: int, form: str, action: str, deed: Deed) -> Response:
    async def work(change: Change) -> None:
        row = await users.get_user(change.tx, change.account_id, id)
        await deed(change, id)
        await _record(change, action, row.email)

    return await forms.carry_out(request, f"{form}-{id}", work, _show, _HERE)


async def change_password(request: Request) -> Response:
    id = forms.to_id(request, message("user"))
    asked = await confirm.read_from_owner(request)
    if asked.page is not None:
        return asked.page
    hashed = await _hash(asked.form)

    async def deed(change: Change, id: int) -> None:
        users.check_password(_read_password(change))
        await users.change_password(change.tx, change.account_id, id, hashed)

    return await _change(request, id, "password", "user.password_changed", deed)


async def change_role(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        _refuse_oneself(change, id)
        await users.change_role(change.tx, change.account_id, id, change.text("role"))

    return await _carry_out(request, "role", "user.role_changed", deed)


async def disable_user(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        _refuse_oneself(change, id)
        await users.disable_user(change.tx, change.account_id, id, now=change.now)

    return await _carry_out(request, "state", "user.disabled", deed)


async def enable_user(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        await users.enable_user(change.tx, change.account_id, id)

    return await _carry_out(request, "state", "user.enabled", deed)


async def remove_user(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        _refuse_oneself(change, id)
        await users.delete_user(change.tx, change.account_id, id)

    return await _carry_out(request, "state", "user.deleted", deed)


async def reset_two_factors(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        _refuse_oneself(change, id)
        await two_factors.reset(change.tx, change.account_id, id)

    return await _carry_out(request, "state", "user.two_factors_reset", deed)


async def require_two_factors(request: Request) -> Response:
    async def work(change: Change) -> None:
        group = change.text("two_factors_for")
        await two_factors.require_of(change.tx, context.of(request).encryptor, change.account_id, group)
        await _record(change, "account.two_factors_required", group)

    return await confirm.carry_out(request, "two-factors", work, _show, _HERE)


def _refuse_oneself(change: Change, id: int) -> None:
    """Nobody locks themselves out by a slip of the hand: another owner can do it."""
    if id == change.web_user.session.user_id:
        raise errors.Conflict(errors.ErrorItem("conflict", message("This is you: another owner can do it.")))


async def _record(change: Change, action: str, email: str) -> None:
    await audit.record(change.tx, change.account_id, change.actor, action, email, now=change.now)


ROUTES = [
    Route("GET", "/settings/users", show_users),
    Route("POST", "/settings/users", create_user),
    Route("POST", "/settings/users/{id}/password", change_password),
    Route("POST", "/settings/users/{id}/role", change_role),
    Route("POST", "/settings/users/{id}/disable", disable_user),
    Route("POST", "/settings/users/{id}/enable", enable_user),
    Route("POST", "/settings/users/{id}/remove", remove_user),
    Route("POST", "/settings/users/{id}/two-factors", reset_two_factors),
    Route("POST", "/settings/users/two-factors", require_two_factors),
]
