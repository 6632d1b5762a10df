"""`packhouse sandbox trigger`, `inbox` and `deliveries`: the webhooks of a sandbox that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.commands import Commands
from packhouse.cli.sandbox import MAIN, URL, Account, Url, ask
from packhouse.cli.terminal import AsJson

with lazy.imports():
    import base64


def trigger_event(
    event: Annotated[str, typer.Argument(help="The event: `parcel_status_changed`, `orders.order.created`, …")],
    order: Annotated[str, typer.Option(help="The order, by its `order_id`; the newest by default.")] = "",
    status: Annotated[str, typer.Option(help="The new status of the order's parcel, such as DELIVERED.")] = "",
    inbox: Annotated[str, typer.Option(help="The inbox of the sandbox that receives it.")] = "",
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Send a webhook, and show its deliveries."""
    about = {"order": order, "status": status, "inbox": inbox}
    sent = {"event": event, **{name: value for name, value in about.items() if value}}
    made = ask(url, "POST", "/sandbox/trigger", sent, query={"account": account})["data"]
    terminal.show(made, as_json=as_json)


def show_inbox(
    name: Annotated[str, typer.Argument(help="The name of the inbox, which is created at its first use.")],
    wait: Annotated[str, typer.Option(help="How long to wait for a delivery: 5s.")] = "",
    event: Annotated[str, typer.Option(help="Only this event.")] = "",
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Show what an inbox has received, or its URL if it has received nothing."""
    query = {"account": account, "wait": wait, "event": event}
    found = ask(url, "GET", f"/sandbox/inbox/{name}", query=query)
    if as_json or found["data"]:
        terminal.show([_to_row(received, as_json=as_json) for received in found["data"]], as_json=as_json)
    else:
        typer.echo(f"Nothing yet. It receives at {found['meta']['url']}")


def _to_row(received: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    shown = ("id", "at", "event", "answered", "is_signed", "body")
    return received if as_json else {name: received[name] for name in shown}


def show_deliveries(
    explain: Annotated[int, typer.Option(min=0, help="Explain the signature of this delivery.")] = 0,
    body: Annotated[str, typer.Option(help="With --explain: a file with the bytes that your program checked.")] = "",
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """List the deliveries of webhooks, or explain the signature of one step by step."""
    query = {"account": account}
    if not explain:
        found = ask(url, "GET", "/sandbox/deliveries", query=query)["data"]
        terminal.show([_to_attempt(made, as_json=as_json) for made in found], as_json=as_json)
        return
    path = f"/sandbox/deliveries/{explain}/signature"
    if body:
        content = base64.b64encode(_read(body)).decode()
        told = ask(url, "POST", path, {"base64": content}, query=query)["data"]
    else:
        told = ask(url, "GET", path, query=query)["data"]
    if as_json:
        terminal.print_json(told)
        return
    for number, step in enumerate(told["steps"], 1):
        typer.echo(terminal.to_printable(f"{number}. {step['step']}\n   {step['value']}"))
    for difference in told.get("received", {}).get("differences", ()):
        typer.echo(f"- {difference['detail']}")


def _to_attempt(made: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    shown = ("id", "at", "event", "attempt", "status", "error", "fault", "url")
    return made if as_json else {name: made[name] for name in shown}


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        terminal.fail(f"Cannot read {path}: {error}")


def add_to(group: Commands) -> None:
    """Add these commands to `packhouse sandbox`."""
    group.command("trigger")(trigger_event)
    group.command("inbox")(show_inbox)
    group.command("deliveries")(show_deliveries)
