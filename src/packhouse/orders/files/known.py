"""What an account remembers of files: which ones it imported, and the mappings that it made itself."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select

from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import foreign, message
from packhouse.orders.files import mapping
from packhouse.orders.tables import ImportedFileRow, MappingRow, import_mappings, imported_files

_f, _m = imported_files.c, import_mappings.c
_MOST_MAPPINGS = 200
_LONGEST_NAME = 100
_MOST_TIMES = 50


_PARTLY = "partly "
"""Before the options of a file of which something was refused: it may come again."""


async def find_imported(tx: Reader, account_id: int, digest: str, options: str | None = None) -> ImportedFileRow | None:
    """Find the last import of a file with these bytes, or None; with `options`, only if it was read so. An import that
    took the whole file goes before a later one that refused a part."""
    if not digest:
        return None
    of_it = [_f.account_id == account_id, _f.content_hash == digest]
    if options is not None:
        of_it.append(_f.options.in_((options, _PARTLY + options)))
    newest = select(imported_files).where(*of_it).order_by(_f.imported_at.desc()).limit(_MOST_TIMES)
    rows = await tx.fetch_all(newest, into=ImportedFileRow)
    return next((row for row in rows if not is_partly(row)), rows[0] if rows else None)


def is_partly(row: ImportedFileRow) -> bool:
    """Return whether something of an imported file was refused."""
    return row.options.startswith(_PARTLY)


async def remember(
    tx: Transaction,
    account_id: int,
    by: str,
    digest: str,
    options: str,
    file_name: str,
    *,
    is_whole: bool,
    now: datetime,
) -> None:
    options = options if is_whole else _PARTLY + options
    row = {"account_id": account_id, "content_hash": digest, "options": options, "file_name": file_name}
    await tx.upsert(imported_files, [{**row, "imported_at": now, "imported_by": by}])


async def list_mappings(tx: Reader, account_id: int) -> list[MappingRow]:
    statement = select(import_mappings).where(_m.account_id == account_id).order_by(_m.name).limit(_MOST_MAPPINGS)
    return await tx.fetch_all(statement, into=MappingRow)


async def list_presets(tx: Reader, account_id: int) -> Mapping[str, mapping.Preset]:
    """The account's own mappings, then those that come with Packhouse."""
    own = {row.name: mapping.parse(row.content) for row in await list_mappings(tx, account_id)}
    return {**own, **{name: preset for name, preset in mapping.list_presets().items() if name not in own}}


async def save_mapping(tx: Transaction, account_id: int, by: str, name: str, content: str, *, now: datetime) -> None:
    """Raises Invalid where it is no mapping, or its name is that of a preset."""
    name = name.strip()
    try:
        _check_name(name)
        mapping.parse(content)
    except mapping.MappingError as error:
        raise errors.Invalid(errors.ErrorItem("invalid", foreign(str(error)), parameter="mapping")) from None
    row = {"account_id": account_id, "name": name, "content": content, "changed_at": now, "changed_by": by}
    await tx.upsert(import_mappings, [row])


def _check_name(name: str) -> None:
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise mapping.MappingError(message("A mapping has a name of at most 100 characters."))
    if name in mapping.list_presets():
        raise mapping.MappingError(message("A preset of Packhouse has this name."))


async def get_mapping(tx: Reader, account_id: int, name: str) -> str:
    """Its TOML. Raises NotFound."""
    statement = select(_m.content).where(_m.account_id == account_id, _m.name == name)
    content = await tx.fetch_value(statement)
    if content is None:
        raise errors.NotFound(message("There is no mapping named {name}.", name=repr(name)))
    return str(content)


async def delete_mapping(tx: Transaction, account_id: int, name: str) -> None:
    """Raises NotFound."""
    done = await tx.execute(delete(import_mappings).where(_m.account_id == account_id, _m.name == name))
    if not done.rowcount:
        raise errors.NotFound(message("There is no mapping named {name}.", name=repr(name)))
