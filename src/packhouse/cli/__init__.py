"""The command `packhouse`: what an operator does at a terminal, and programs with `--json`."""

from typing import Annotated

import typer

import packhouse
from packhouse.cli import accounts, deliveries, demo, exports, mappings, orders, privacy, serve, shipping, users, watch

app = typer.Typer(
    name="packhouse",
    help="An order service, compatible with the Sendcloud Orders API v3.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("worker")(serve.work)
app.command("migrate")(serve.migrate)
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
app.add_typer(privacy.person, name="person")
app.add_typer(deliveries.deliveries, name="deliveries")
app.add_typer(deliveries.connections, name="connections")
app.add_typer(shipping.shipping, name="shipping")
app.add_typer(shipping.parcels, name="parcels")
app.add_typer(demo.demo, name="demo")


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
    app()
