"""The command `packhouse`: what an operator does at a terminal, and programs with `--json`.

Each module declares its commands and imports what carries them out with `lazy.imports()`, so that only the command that
is called loads the server's code.
"""

import enum
from typing import Annotated

import typer
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]

import packhouse
from packhouse.cli import (
    accounts,
    benches,
    deliveries,
    demo,
    exports,
    mappings,
    migrate_from,
    orders,
    print_agent,
    privacy,
    sandbox,
    sandbox_webhooks,
    serve,
    service_points,
    sharding,
    shipping,
    terminal,
    users,
    watch,
)
from packhouse.cli.commands import RootCommands


class Shell(enum.StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


app = RootCommands("packhouse", "An order service, compatible with the Sendcloud Orders API v3.")
app.command("serve")(serve.serve)
app.command("worker")(serve.work)
app.command("migrate")(serve.migrate)
app.command("shard")(sharding.shard)
app.command("migrate-from")(migrate_from.migrate_from)
app.command("print-agent")(print_agent.run_agent)
accounts.account.command("retention")(privacy.set_retention)
app.add_typer(accounts.account, name="account")
app.add_typer(accounts.key, name="key")
app.add_typer(accounts.client, name="client")
app.add_typer(accounts.audit, name="audit")
app.add_typer(accounts.integration, name="integration")
app.add_typer(users.user, name="user")
orders.orders.command("export")(exports.export_orders)
orders.orders.command("watch")(watch.watch_folder)
orders.orders.add_typer(mappings.mappings, name="mapping")
app.add_typer(orders.orders, name="orders")
app.add_typer(benches.benches, name="bench")
app.add_typer(privacy.person, name="person")
app.add_typer(deliveries.deliveries, name="deliveries")
app.add_typer(deliveries.connections, name="connections")
app.add_typer(shipping.shipping, name="shipping")
app.add_typer(shipping.parcels, name="parcels")
app.add_typer(service_points.service_points, name="service-points")
app.add_typer(demo.demo, name="demo")
sandbox_webhooks.add_to(sandbox.sandbox)
app.add_typer(sandbox.sandbox, name="sandbox")


@app.command("completion")
def show_completion(shell: Shell, as_json: terminal.AsJson = False) -> None:
    """Print what completes the command in a shell: eval "$(packhouse completion bash)"."""
    script = get_completion_script(prog_name="packhouse", complete_var="_PACKHOUSE_COMPLETE", shell=shell.value)
    if as_json:
        terminal.print_json({"script": script})
    else:
        typer.echo(script)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"packhouse {packhouse.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    completion_init()
    app(prog_name="packhouse")
