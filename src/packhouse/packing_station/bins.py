"""Where articles lie: a bin by SKU, from a file of two columns, or what an item says itself."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select

from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import Message, foreign, message
from packhouse.orders import search
from packhouse.packing_station.tables import bins

PROPERTY = "packhouse_bin"
"""A property of an item: where it lies, whatever the table says of its SKU."""
MAX_ROWS = 100_000
MAX_BIN = 40
MAX_SKU = 120
COLUMNS = ("sku", "bin")
_AT_ONCE = 1_000
_PARTS = re.compile(r"(\d+)")
_b = bins.c


def fold(sku: str) -> str:
    return search.fold(sku)


def to_key(bin: str) -> tuple[Any, ...]:
    """A key that sorts bins as one walks by them: `A-2-9` before `A-2-10`, no bin last."""
    parts = _PARTS.split(bin.casefold())
    return (not bin, [(int(part), "") if part.isdigit() else (-1, part) for part in parts])


def find_bin(item: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """The bin of an item, or an empty text; `known` is what `read_bins` found."""
    own = (item.get("properties") or {}).get(PROPERTY)
    if own not in (None, ""):
        return str(own)[:MAX_BIN]
    return known.get(fold(str(item.get("sku") or "")), "")


async def read_bins(tx: Reader, account_id: int, items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Find the bins of items by their folded SKUs: one statement."""
    wanted = sorted({fold(str(item["sku"])) for item in items if item.get("sku")})
    rows = await tx.find_by_key(account_id, (_b.folded, _b.bin), (_b.folded,), [(sku,) for sku in wanted], lock=False)
    return {row.folded: row.bin for row in rows}


class Bin(NamedTuple):
    """The bin of a SKU."""

    sku: str
    bin: str


async def list_bins(tx: Reader, account_id: int, beginning: str, most: int) -> list[Bin]:
    """List the SKUs that begin so, sorted by SKU."""
    statement = select(_b.sku, _b.bin).where(_b.account_id == account_id)
    if folded := fold(beginning):
        statement = statement.where(_b.folded >= folded, _b.folded < folded + "\U0010ffff")
    return await tx.fetch_all(statement.order_by(_b.folded).limit(most), into=Bin)


async def count_bins(tx: Reader, account_id: int) -> int:
    return int(await tx.fetch_value(select(func.count()).select_from(bins).where(_b.account_id == account_id)))


async def store_bins(tx: Transaction, account_id: int, rows: Mapping[str, str], *, replaces: bool = False) -> None:
    """Keep the bin of each SKU; an empty one is forgotten, and with `replaces` all that are not named."""
    known = {fold(sku): {"account_id": account_id, "folded": fold(sku), "sku": sku, "bin": rows[sku]} for sku in rows}
    if replaces:
        await tx.execute(delete(bins).where(_b.account_id == account_id))
    gone = [folded for folded, row in known.items() if not row["bin"]]
    kept = [row for row in known.values() if row["bin"]]
    for start in range(0, len(gone), _AT_ONCE):
        some = gone[start : start + _AT_ONCE]
        await tx.execute(delete(bins).where(_b.account_id == account_id, _b.folded.in_(some)))
    for start in range(0, len(kept), _AT_ONCE):
        await tx.upsert(bins, kept[start : start + _AT_ONCE])


def read_file(content: bytes) -> dict[str, str]:
    """Bins by SKU from a CSV with the columns `sku` and `bin`, separated by commas, semicolons or tabs; of a SKU that
    is named twice the later row counts. Raises Invalid that names the line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
    try:
        rows = [row for row, _ in zip(reader, range(MAX_ROWS + 2), strict=False)]
    except csv.Error as error:
        raise _refuse(foreign(str(error))) from None
    names = [name.strip().casefold() for name in rows[0]] if rows else []
    for name in COLUMNS:
        if name not in names:
            raise _refuse(message("The file has no column {name}.", name=name))
    if len(rows) > MAX_ROWS + 1:
        raise _refuse(message("There can be {most} bins.", most=MAX_ROWS))
    return _read_rows(rows[1:], names)


def _read_rows(rows: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, str]:
    at = {name: names.index(name) for name in COLUMNS}
    found: dict[str, str] = {}
    for line, row in enumerate(rows, 2):
        sku, bin = (_cell(row, at[name]) for name in COLUMNS)
        if not sku and not bin:
            continue
        if not sku or len(sku) > MAX_SKU or len(bin) > MAX_BIN:
            raise _refuse(
                message(
                    "Line {line}: a SKU has 1 to {sku} characters, a bin at most {bin}.",
                    line=line,
                    sku=MAX_SKU,
                    bin=MAX_BIN,
                )
            )
        found[sku] = bin
    return found


def _cell(row: Sequence[str], at: int) -> str:
    return row[at].strip().replace("\0", "") if at < len(row) else ""


def _refuse(detail: Message) -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("invalid", detail, parameter="file"))


def write_file(rows: Collection[Any]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row.sku, row.bin) for row in rows)
    return buffer.getvalue()
