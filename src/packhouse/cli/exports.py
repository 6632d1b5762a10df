"""`packhouse orders export`: orders to a file (docs/files.md)."""

from __future__ import annotations

import enum
import sys
from collections.abc import AsyncIterator, Callable
from typing import IO, TYPE_CHECKING, Annotated, Any

import orjson
import typer

from packhouse.cli import lazy, streams, terminal
from packhouse.cli.choices import SORTS, WRITTEN_FORMATS
from packhouse.cli.orders import DecimalOption, Separator, Time, to_separator
from packhouse.cli.streams import STREAM
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse.accounts import queries as account_queries
    from packhouse.integrations import queries as integration_queries
    from packhouse.kit import errors, messages
    from packhouse.kit.wire import pagination
    from packhouse.orders import list_request, profile, queries
    from packhouse.orders.files import write
    from packhouse.shipping import shipped

if TYPE_CHECKING:
    from datetime import tzinfo

    from packhouse.kit.db import Database
    from packhouse.settings import Settings

Written = enum.StrEnum("Written", {name.upper().replace("-", "_"): name for name in WRITTEN_FORMATS})  # type: ignore[misc]
WrittenName = Annotated[
    Written | None,
    typer.Option(
        "--format", metavar="FORMAT", help=f"One of {', '.join(WRITTEN_FORMATS)}; by default that of the file's name."
    ),
]


def export_orders(
    account: AccountName,
    file: Annotated[str, typer.Argument(help="A file, or - for standard output.")] = STREAM,
    form: WrittenName = None,
    separator: Separator = None,
    decimal: DecimalOption = None,
    integration: Annotated[
        list[str] | None, typer.Option(help="Only orders of these shops: ids, repeated or separated by commas.")
    ] = None,
    status: Annotated[str, typer.Option(help="Only orders with this status code.")] = "",
    order_number: Annotated[str, typer.Option(help="Only orders with this number.")] = "",
    order_id: Annotated[str, typer.Option(help="Only orders with this order id.")] = "",
    order_created_at: Time = "",
    order_created_at_min: Time = "",
    order_created_at_max: Time = "",
    order_updated_at: Time = "",
    order_updated_at_min: Time = "",
    order_updated_at_max: Time = "",
    sort: Annotated[str, typer.Option(help=f"One of {', '.join(SORTS)}; with - for descending.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write orders to a file, as the API returns them; --json prints how many, unless they go to standard output."""
    settings = terminal.load_settings()
    chosen = _choose_written(file, form)
    asked = _read_request(
        [
            *(("integration", ids) for ids in integration or ()),
            ("status", status),
            ("order_number", order_number),
            ("order_id", order_id),
            ("order_created_at", order_created_at),
            ("order_created_at_min", order_created_at_min),
            ("order_created_at_max", order_created_at_max),
            ("order_updated_at", order_updated_at),
            ("order_updated_at_min", order_updated_at_min),
            ("order_updated_at_max", order_updated_at_max),
            ("sort", sort),
        ]
    )

    style = write.Style(to_separator(separator) or ",", decimal.value if decimal else ".")
    # Orders that scroll by on a terminal are progress enough, and a bar would be drawn in the midst of them.
    is_quiet = file == STREAM and sys.stdout.isatty()
    with streams.replace(file) as target, streams.progress("Exporting", None, is_quiet=is_quiet) as progress:
        count = terminal.run(_export(settings, account, asked, chosen, style, target, progress))
    if as_json and file != STREAM:
        terminal.print_json({"exported": count})


async def _export(
    settings: Settings,
    account: str,
    asked: list_request.ListRequest,
    chosen: str,
    style: write.Style,
    target: IO[bytes],
    progress: Callable[[int, int], None],
) -> int:
    """The number of orders written."""
    async with terminal.open_database(settings) as db:
        account_id = await _find_owner(db, account, asked)
        async with db.read() as tx:
            zone = await account_queries.find_zone(tx, account_id)
        writer = None if chosen in write.TRACKING else write.open_writer(chosen, target, style)
        tracking = write.open_tracking(chosen, target) if chosen in write.TRACKING else None
        count = 0
        async for page in _read_pages(db, account_id, asked):
            for row in page:
                if writer is not None:
                    writer.add(queries.to_wire(row, id_is_text=profile.PROFILES[settings.profile].id_is_text))
                if tracking is not None:
                    tracking.add(await _list_parcels(db, account_id, row, zone))
            count += len(page)
            progress(0, count)
        if writer is not None:
            writer.close()
    return count


async def _list_parcels(db: Database, account_id: int, row: queries.StoredOrder, zone: tzinfo) -> list[write.Parcel]:
    async with db.read() as tx:
        return await shipped.list_parcels(tx, account_id, row.id, orjson.loads(row.document), zone)


def _read_request(parameters: list[tuple[str, str]]) -> list_request.ListRequest:
    """The list's own reader; what it refuses is named as an option, and a sort that the list would overlook too."""
    try:
        asked = list_request.read_list_request([*parameters, ("page_size", str(list_request.MAX_PAGE))])
    except errors.Invalid as invalid:
        faults = (f"--{(fault.parameter or '').replace('_', '-')}: {fault.detail}" for fault in invalid.faults)
        terminal.fail("; ".join(faults))
    unknown = [part for part in asked.sort.split(",") if part and part.strip().removeprefix("-") not in queries.SORTS]
    if unknown:
        terminal.fail(f"--sort: {unknown[0]!r} is none of {', '.join(queries.SORTS)}.")
    return asked


async def _find_owner(db: Database, account: str, asked: list_request.ListRequest) -> int:
    async with db.read() as tx:
        owner = await account_queries.get_account(tx, account)
        wanted = asked.filters.get("integration", [])
        known = await integration_queries.find_known(tx, owner.account_id, wanted) if wanted else set()
    if unknown_ids := [id for id in wanted if id not in known]:
        raise errors.NotFound(messages.message("The account has no integration {id}.", id=unknown_ids[0]))
    return int(owner.account_id)


async def _read_pages(db: Database, account_id: int, asked: list_request.ListRequest) -> AsyncIterator[list[Any]]:
    """Read each page by itself, so that a long export holds no snapshot."""
    cursor: pagination.Cursor | None = pagination.Cursor()
    while cursor is not None:
        async with db.read() as tx:
            page = await queries.list_orders(tx, account_id, asked.filters, asked.sort, cursor, asked.page_size)
        yield [queries.to_stored(row) for row in page.rows]
        cursor = page.next


def _choose_written(file: str, form: Written | None) -> str:
    found = form or ("json" if file == STREAM else write.find_form(file))
    if found is None:
        terminal.fail(f"{file!r} does not tell its format. Say it with --format {'|'.join(write.NAMES)}.")
    return str(found)
