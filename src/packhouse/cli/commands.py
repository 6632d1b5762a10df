"""How commands and groups of commands are made, and how the errors of all of them are written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from packhouse.cli import terminal


class _Command(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave values as they are while completing: typer would load pydantic to convert them."""
        if ctx.resilient_parsing:
            for parameter in self.params:
                vars(parameter)["process_value"] = lambda _ctx, value: value
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: Any) -> Any:
        return _default_to_false(super().get_help_option(ctx))


class _Group(TyperGroup):
    def get_help_option(self, ctx: Any) -> Any:
        return _default_to_false(super().get_help_option(ctx))


def _default_to_false(option: Any) -> Any:
    """Without a default typer would load pydantic, only to convert None."""
    if option is not None:
        option.default = False
    return option


class _Root(_Group):
    """Writes the errors of every command to standard error: standard output holds a command's answer alone."""

    def main(
        self, args: Sequence[str] | None = None, *arguments: Any, standalone_mode: bool = True, **options: Any
    ) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in words[: words.index("--") if "--" in words else None]
        try:
            ended = super().main(args, *arguments, standalone_mode=False, **options)  # type: ignore[misc]
        except (TyperException, typer.Abort) as error:
            sys.exit(terminal.show_error(error, as_json=as_json))
        except Exception as error:
            if not as_json:
                raise
            sys.exit(terminal.show_error(error, as_json=True))
        if standalone_mode:
            sys.exit(ended if isinstance(ended, int) else 0)
        return ended


class Commands(typer.Typer):
    """A group of commands; without the name of one it shows its help, or does what its callback does."""

    def __init__(self, help: str, *, cls: type[TyperGroup] = _Group, **options: Any) -> None:
        options = {"no_args_is_help": not options.get("invoke_without_command", False), **options}
        super().__init__(help=help, cls=cls, rich_markup_mode=None, add_completion=False, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        return super().command(name, cls=_Command, **options)


class RootCommands(Commands):
    def __init__(self, name: str, help: str) -> None:
        names = {"help_option_names": ["-h", "--help"]}
        super().__init__(help, cls=_Root, name=name, pretty_exceptions_enable=False, context_settings=names)
