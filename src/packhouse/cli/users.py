"""`packhouse user`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.choices import ROLES
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse.accounts import audit, reset_links, two_factors, users
    from packhouse.kit import clock, errors, messages, security

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.accounts.users import UserRow
    from packhouse.kit.db import Reader, Transaction

user = Commands("Users: the people of an account who sign in to its page.")

Email = Annotated[str, typer.Option("--email", help="Their e-mail address.")]


@user.command("create")
def create_user(
    account: AccountName,
    email: Email,
    role: Annotated[str, typer.Option(help=f"What they may do: {', '.join(ROLES)}.")] = "packer",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from the input.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a person sign in."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask()

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        users.check_user(email, password, role)
        hashed = security.hash_password(password)
        id = await users.create_user(tx, owner.account_id, email, hashed, role, now=clock.now())
        await _record(tx, owner.account_id, "create", "user.created", email)
        return {"id": id, "account_id": owner.account_id, "email": email, "role": role}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@user.command("list")
def list_users(account: AccountName, as_json: AsJson = False) -> None:
    """Show an account's users."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        shown = ("id", "email", "role", "created_at", "disabled_at")
        found = await users.list_users(tx, owner.account_id)
        return [{name: getattr(row, name) for name in shown} for row in found]

    terminal.show(terminal.read(account, work), as_json=as_json)


@user.command("password")
def change_password(
    account: AccountName,
    email: Email,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from the input.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set a person's password, and sign them out everywhere."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask()

    async def deed(tx: Transaction, account_id: int, id: int) -> None:
        users.check_password(password)
        await users.change_password(tx, account_id, id, security.hash_password(password))

    _change(account, email, "password", "user.password_changed", deed)
    terminal.show_one({"changed": email}, as_json=as_json)


@user.command("role")
def change_role(
    account: AccountName,
    email: Email,
    role: Annotated[str, typer.Option(help=f"What they may do: {', '.join(ROLES)}.")],
    as_json: AsJson = False,
) -> None:
    """Change a person's role, from their next request on."""

    async def deed(tx: Transaction, account_id: int, id: int) -> None:
        await users.change_role(tx, account_id, id, role)

    _change(account, email, "role", "user.role_changed", deed)
    terminal.show_one({"email": email, "role": role}, as_json=as_json)


@user.command("disable")
def disable_user(account: AccountName, email: Email, as_json: AsJson = False) -> None:
    """Sign a person out everywhere and prevent new sign-ins."""

    async def deed(tx: Transaction, account_id: int, id: int) -> None:
        await users.disable_user(tx, account_id, id, now=clock.now())

    _change(account, email, "disable", "user.disabled", deed)
    terminal.show_one({"disabled": email}, as_json=as_json)


@user.command("enable")
def enable_user(account: AccountName, email: Email, as_json: AsJson = False) -> None:
    """Let a disabled person sign in again."""
    _change(account, email, "enable", "user.enabled", users.enable_user)
    terminal.show_one({"enabled": email}, as_json=as_json)


@user.command("reset-two-factor")
def reset_two_factor(account: AccountName, email: Email, as_json: AsJson = False) -> None:
    """Remove a person's second factor, so that their password is sufficient."""
    _change(account, email, "reset-two-factor", "user.two_factors_reset", two_factors.reset)
    terminal.show_one({"reset": email}, as_json=as_json)


@user.command("reset-link")
def make_reset_link(
    account: AccountName,
    email: Email,
    url: Annotated[
        str, typer.Option("--url", help="The server's public URL, if PACKHOUSE_PUBLIC_URL is not set.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print a link by which a person chooses a new password, valid once, for an hour."""
    settings = terminal.load_settings()
    base = (url or settings.public_url or "").rstrip("/")
    if not base.startswith(("http://", "https://")):
        terminal.fail("The link needs PACKHOUSE_PUBLIC_URL or --url, like https://orders.example.com.")

    async def work(tx: Transaction, owner: AccountRow) -> dict[str, Any]:
        now, person = clock.now(), await _find(tx, owner, email)
        if person.disabled_at is not None:
            detail = messages.message("{email} may not sign in.", email=person.email)
            raise errors.Conflict(errors.ErrorItem("conflict", detail))
        token = await reset_links.make(tx, owner.account_id, person.id, now=now)
        await _record(tx, owner.account_id, "reset-link", "user.reset_link_made", person.email)
        link = f"{base}/sign-in/reset?link={token}"
        return {"email": person.email, "link": link, "expires_at": now + reset_links.GOOD_FOR}

    terminal.show_one(terminal.write(account, work), as_json=as_json)


@user.command("delete")
def delete_user(account: AccountName, email: Email, as_json: AsJson = False) -> None:
    """Delete a person; what they did stays in the history."""
    _change(account, email, "delete", "user.deleted", users.delete_user)
    terminal.show_one({"deleted": email}, as_json=as_json)


Deed: TypeAlias = "Callable[[Transaction, int, int], Awaitable[None]]"


def _change(account: str, email: str, verb: str, action: str, deed: Deed) -> None:
    """Change a user, with an entry in the audit log."""

    async def work(tx: Transaction, owner: AccountRow) -> None:
        person = await _find(tx, owner, email)
        await deed(tx, owner.account_id, person.id)
        await _record(tx, owner.account_id, verb, action, email)

    terminal.write(account, work)


async def _find(tx: Transaction, owner: AccountRow, email: str) -> UserRow:
    found = await users.find_user(tx, email)
    if found is None or found.account_id != owner.account_id:
        raise errors.NotFound(messages.message("The account has no user {email}.", email=email))
    return found


async def _record(tx: Transaction, account_id: int, verb: str, action: str, email: str) -> None:
    await audit.record(tx, account_id, f"command:user {verb}", action, email, now=clock.now())


def _ask() -> str:
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
