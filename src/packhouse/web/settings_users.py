"""Settings: the people of the account."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import audit, users
from packhouse.kit import errors, http, security
from packhouse.web import forms, visitors
from packhouse.web.forms import FRESH, Change, Outcome
from packhouse.web.languages import marked

router = APIRouter(include_in_schema=False)

_HERE = "/settings/users"


@router.get("/settings/users")
async def show_users(request: Request) -> Response:
    return await _show(request, await visitors.owner(request))


async def _show(
    request: Request,
    visitor: visitors.Visitor,
    outcome: Outcome = FRESH,
) -> Response:
    async with http.house(request).db.read() as tx:
        rows = await users.list_users(tx, visitor.session.account_id)
    values: dict[str, Any] = {"rows": rows, "roles": list(users.ROLES)}
    return forms.render(request, "settings_users.html", visitor, outcome, **values)


@router.post("/settings/users")
async def create_user(request: Request) -> Response:
    hashed = await _hash(request)

    async def work(change: Change) -> None:
        email, role = change.text("email"), change.text("role")
        users.check_user(email, _read_password(change), role)
        await users.create_user(change.db, change.tx, change.account_id, email, hashed, role, now=change.now)
        await _record(change, "user.created", email)

    return await forms.carry_out(request, "new", work, _show, _HERE)


async def _hash(request: Request) -> str:
    """Beside the event loop, before any transaction, and for an owner only: it takes some 100 ms of a core."""
    visitor = await visitors.owner(request)
    form = await visitors.read_form(request, visitor.token)
    return await asyncio.to_thread(security.hash_password, str(form.get("password", ""))[: users.MAX_PASSWORD])


def _read_password(change: Change) -> str:
    """As typed: a space may begin or end it."""
    return str(change.form.get("password", ""))


Deed: TypeAlias = Callable[[Change, int], Awaitable[None]]


async def _carry_out(request: Request, form: str, action: str, deed: Deed) -> Response:
    """What is done to one of them, with its entry in the audit log."""
    id = forms.to_id(request, "user")

    async def work(change: Change) -> None:
        row = await users.get_user(change.tx, change.account_id, id)
        await deed(change, id)
        await _record(change, action, row.email)

    return await forms.carry_out(request, f"{form}-{id}", work, _show, _HERE)


@router.post("/settings/users/{id}/password")
async def change_password(request: Request) -> Response:
    hashed = await _hash(request)

    async def deed(change: Change, id: int) -> None:
        users.check_password(_read_password(change))
        await users.change_password(change.tx, change.account_id, id, hashed)

    return await _carry_out(request, "password", "user.password_changed", deed)


@router.post("/settings/users/{id}/role")
async def change_role(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        _refuse_oneself(change, id)
        await users.change_role(change.tx, change.account_id, id, change.text("role"))

    return await _carry_out(request, "role", "user.role_changed", deed)


@router.post("/settings/users/{id}/disable")
async def disable_user(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        _refuse_oneself(change, id)
        await users.disable_user(change.tx, change.account_id, id, now=change.now)

    return await _carry_out(request, "state", "user.disabled", deed)


@router.post("/settings/users/{id}/enable")
async def enable_user(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        await users.enable_user(change.tx, change.account_id, id)

    return await _carry_out(request, "state", "user.enabled", deed)


@router.post("/settings/users/{id}/remove")
async def remove_user(request: Request) -> Response:
    async def deed(change: Change, id: int) -> None:
        _refuse_oneself(change, id)
        await users.delete_user(change.tx, change.account_id, id)

    return await _carry_out(request, "state", "user.deleted", deed)


def _refuse_oneself(change: Change, id: int) -> None:
    """Nobody locks themselves out by a slip of the hand: another owner can do it."""
    if id == change.visitor.session.user_id:
        raise errors.Conflict(errors.Fault("conflict", marked("This is you: another owner can do it.")))


async def _record(change: Change, action: str, email: str) -> None:
    await audit.record(change.db, change.tx, change.account_id, change.actor, action, email, now=change.now)
