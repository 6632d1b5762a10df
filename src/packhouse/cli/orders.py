"""`packhouse orders`."""

import typer

orders = typer.Typer(no_args_is_help=True, help="Orders in bulk: import and export.")
