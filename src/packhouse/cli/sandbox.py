"""`packhouse sandbox`: a server for people who write an integration, and what is asked of one that runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from packhouse.cli import lazy, serve, terminal
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AsJson

with lazy.imports():
    import importlib
    import json
    import urllib.error
    import urllib.parse
    import urllib.request
    import webbrowser

    from packhouse import settings as all_settings

if TYPE_CHECKING:
    from packhouse.settings import Settings

sandbox = Commands(
    "A server to test an integration with: a journal of all requests, faults, a clock that can be moved.",
    invoke_without_command=True,
)
faults = Commands("Deliberate faults.")
sandbox.add_typer(faults, name="faults")

_PORT = 8000
_WAIT_SECONDS = 20
_FIRST_ORDERS = 12

Url = Annotated[str, typer.Option(help="The URL of the sandbox.")]
Account = Annotated[str, typer.Option("--account", help="The account of the sandbox.")]
URL = f"http://127.0.0.1:{_PORT}"
MAIN = "sandbox"


@sandbox.callback()
def run(
    context: typer.Context,
    host: serve.Host = "127.0.0.1",
    port: serve.Port = _PORT,
    database: Annotated[
        str, typer.Option(help="A SQLite file that keeps the first account's orders, or `:memory:`.")
    ] = ":memory:",
    profile: Annotated[str, typer.Option(help="Which published document to follow: `guide` or `reference`.")] = "guide",
    seed: Annotated[
        str, typer.Option(help="How many invented orders to begin with, or a JSON file with a list of orders.")
    ] = str(_FIRST_ORDERS),
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Reject unknown keys and parameters and deprecated spellings.")
    ] = False,
    opens: Annotated[bool, typer.Option("--open", help="Open the page of the journal in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Serve a sandbox until stopped, with fixed keys and invented orders; everything a client needs is printed."""
    if context.invoked_subcommand is not None:
        return
    settings = _load_settings(profile)
    # By name: a server that is no sandbox must not load it, and `lazy.load` loads whatever was imported here.
    server = importlib.import_module("packhouse.sandbox.server")
    listener = serve.bind(host, port)
    url = serve.to_url(listener, host)

    def tell(access: dict[str, Any]) -> None:
        if as_json:
            terminal.print_json({"url": url, **access})
        else:
            typer.echo(_welcome(url, access))
        sys.stdout.flush()
        if opens:
            webbrowser.open(f"{url}/sandbox")

    path = None if database == ":memory:" else Path(database).resolve()
    lazy.load()
    if not server.run(settings, listener, tell, database=path, seed=_read_seed(seed), is_strict=is_strict):
        raise typer.Exit(1)


def _load_settings(profile: str) -> Settings:
    """The journal is the log of a sandbox: of the server's own lines only what fails is shown."""
    if profile not in ("guide", "reference"):
        terminal.fail("The profile is guide or reference.")
    quiet = {} if "log_level" in all_settings.Settings().model_fields_set else {"log_level": "error"}
    return terminal.load_settings().model_copy(update={"profile": profile, **quiet})


def _read_seed(text: str) -> int | list[Any]:
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        orders = json.loads(Path(text).read_bytes())
    except (OSError, ValueError) as error:
        terminal.fail(f"Cannot read {text}: {error}")
    return orders if isinstance(orders, list) else [orders]


def _welcome(url: str, access: dict[str, Any]) -> str:
    return f"""
The Packhouse sandbox listens on {url}   (Ctrl-C stops it)

  public key   {access["public_key"]}
  secret key   {access["secret_key"]}
  integration  {access["integration_id"]}
  signing key  {access["signing_key"]}

The journal of all requests:  {url}/sandbox
The orders as people see them: {url}/orders   ({access["email"]}, {access["password"]})

  curl -u {access["public_key"]}:{access["secret_key"]} '{url}/api/v3/orders?page_size=2'

Lose an answer:    curl -H 'Packhouse-Fault: answer_lost' …
Move the clock:    curl {url}/sandbox/clock -d '{{"advance": "6h"}}' -H 'Content-Type: application/json'
The database:      {access["database"]}
"""


@sandbox.command("requests")
def show_requests(
    follow: Annotated[bool, typer.Option("--follow", help="Keep showing requests as they are answered.")] = False,
    method: Annotated[str, typer.Option(help="Only requests with this method.")] = "",
    path: Annotated[str, typer.Option(help="Only requests to this path; `*` stands for any part.")] = "",
    status: Annotated[str, typer.Option(help="Only requests with this answer.")] = "",
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Show the requests that a sandbox has answered, a line each."""
    last = 0
    wanted = {"account": account, "method": method, "path": path, "status": status}
    while True:
        wait = _WAIT_SECONDS if follow and last else 0
        entries = ask(url, "GET", "/sandbox/requests", query={**wanted, "after": last, "wait": wait})["data"]
        for entry in entries:
            _show_entry(entry, as_json=as_json)
            last = entry["id"]
        sys.stdout.flush()
        if not follow:
            return
        last = last or 1


@sandbox.command("request")
def show_request(
    number: Annotated[int, typer.Argument(help="Its number in the journal.")],
    as_test: Annotated[bool, typer.Option("--test", help="Print it as a test for pytest.")] = False,
    as_curl: Annotated[bool, typer.Option("--curl", help="Print it as a curl command.")] = False,
    replay: Annotated[bool, typer.Option("--replay", help="Send it again, and show the new answer.")] = False,
    diff: Annotated[int, typer.Option(min=0, help="Show the differences from this other request.")] = 0,
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Show a request of the journal with its answer, in one of several forms."""
    path, query = f"/sandbox/requests/{number}", {"account": account}
    if diff:
        found = ask(url, "GET", f"{path}/diff", query={**query, "with": diff})["data"]
        shown = ("part", "path", "before", "after")
        terminal.show(found if as_json else [{n: each[n] for n in shown} for each in found], as_json=as_json)
    elif as_test:
        text = fetch(url, "GET", f"{path}/test", query=query).decode()
        terminal.print_json({"test": text}) if as_json else typer.echo(text)
    elif replay:
        terminal.show_one(ask(url, "POST", f"{path}/replay", {}, query=query)["data"], as_json=as_json)
    else:
        entry = ask(url, "GET", path, query=query)["data"]
        if as_curl and not as_json:
            typer.echo(entry["curl"])
        else:
            terminal.show_one(entry, as_json=as_json)


def _show_entry(entry: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(entry)
        return
    query = f"?{entry['query']}" if entry["query"] else ""
    told = [entry["fault"]] if entry["fault"] else []
    told += [f"{note['code']} {note['place']}".strip() for note in entry["notes"] if note["code"] != "strict_client"]
    line = f"{entry['at'][11:23]} {entry['status'] or '---'} {entry['method']} {entry['path']}{query}"
    typer.echo(terminal.to_printable(f"{line}  {'; '.join(told)}".rstrip()))


@faults.command("list")
def list_faults(account: Account = MAIN, url: Url = URL, as_json: AsJson = False) -> None:
    """Show the active faults."""
    found = ask(url, "GET", "/sandbox/faults", query={"account": account})["data"]
    terminal.show(found, as_json=as_json)


@faults.command("add")
def add_fault(
    name: Annotated[str, typer.Argument(help="A fault by name, or a rule as JSON.")],
    method: Annotated[str, typer.Option(help="Only for requests with this method.")] = "",
    path: Annotated[str, typer.Option(help="Only for requests to this path; `*` stands for any part.")] = "",
    times: Annotated[int, typer.Option(min=0, help="How many times it happens; 0 keeps what the fault says.")] = 0,
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Let something go wrong: `packhouse sandbox faults add rate_limited --times 3`."""
    rule: dict[str, Any] = _read_rule(name)
    match = {**rule.get("match", {}), **({"method": method} if method else {}), **({"path": path} if path else {})}
    rule |= {"match": match, **({"times": times} if times else {})}
    made = ask(url, "POST", "/sandbox/faults", rule, query={"account": account})["data"]
    terminal.show_one(made, as_json=as_json)


def _read_rule(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {"name": text}
    try:
        return dict(json.loads(text))
    except ValueError as error:
        terminal.fail(f"This rule is no JSON: {error}")


@faults.command("clear")
def clear_faults(account: Account = MAIN, url: Url = URL, as_json: AsJson = False) -> None:
    """Remove all faults."""
    ask(url, "DELETE", "/sandbox/faults", query={"account": account})
    terminal.show_one({"faults": 0}, as_json=as_json)


@sandbox.command("strict")
def set_strict(
    off: Annotated[bool, typer.Option("--off", help="Accept unknown keys and parameters again.")] = False,
    for_all: Annotated[bool, typer.Option("--all", help="For all accounts, including later ones.")] = False,
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Reject unknown keys and parameters and deprecated spellings from now on."""
    wanted = {"is_on": not off, "for_all": for_all}
    terminal.show_one(ask(url, "POST", "/sandbox/strict", wanted, query={"account": account})["data"], as_json=as_json)


@sandbox.command("clock")
def move_clock(
    advance: Annotated[str, typer.Option(help="Move it on: 90s, 6h, 1d12h.")] = "",
    freeze: Annotated[bool, typer.Option("--freeze", help="Stop the clock.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Let the clock run on.")] = False,
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Show the clock, or move it and show the jobs that became due and ran."""
    asked = {"advance": advance} if advance else {}
    change: dict[str, Any] = {**asked, **({"freeze": True} if freeze else {}), **({"resume": True} if resume else {})}
    method = "POST" if change else "GET"
    terminal.show_one(
        ask(url, method, "/sandbox/clock", change or None, query={"account": account})["data"], as_json=as_json
    )


@sandbox.command("snapshot")
def save_snapshot(
    name: Annotated[str, typer.Argument(help="What to call it.")] = "default",
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Save the current orders and clock."""
    made = ask(url, "POST", "/sandbox/snapshot", {"name": name}, query={"account": account})
    terminal.show_one(made["data"], as_json=as_json)


@sandbox.command("restore")
def restore_snapshot(
    name: Annotated[str, typer.Argument(help="What it is called.")] = "default",
    account: Account = MAIN,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Restore saved orders and clock."""
    made = ask(url, "POST", "/sandbox/restore", {"name": name}, query={"account": account})
    terminal.show_one(made["data"], as_json=as_json)


@sandbox.command("reset")
def reset(account: Account = MAIN, url: Url = URL, as_json: AsJson = False) -> None:
    """Reset orders, clock, faults and journal to their initial state."""
    ask(url, "POST", "/sandbox/reset", {}, query={"account": account})
    terminal.show_one({"account": account}, as_json=as_json)


def ask(url: str, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call a running sandbox and return its JSON. A refusal ends the command."""
    content = fetch(url, method, path, body, query)
    return dict(json.loads(content)) if content else {}


def fetch(url: str, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> bytes:
    """Call a running sandbox and return the bytes of its answer."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        terminal.fail(f"{url} is no URL of a sandbox.")
    asked = urllib.parse.urlencode({name: value for name, value in (query or {}).items() if value})
    request = urllib.request.Request(  # noqa: S310 - http and https alone
        f"{url.rstrip('/')}{path}?{asked}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_SECONDS + 40) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        _fail(error.read(), error.code)
    except OSError as error:
        terminal.fail(f"There is no sandbox at {url}: {getattr(error, 'reason', error)}")


def _fail(content: bytes, status: int) -> NoReturn:
    try:
        wire = json.loads(content)
        detail = "; ".join(entry["detail"] for entry in wire["errors"])
    except (ValueError, KeyError, TypeError):
        terminal.fail(f"The sandbox answered {status}.")
    raise terminal.CommandError(detail, wire)
