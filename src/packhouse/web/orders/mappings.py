"""Which column of a file is which field: said by a person, seen in the first orders at once, and kept under a name."""

import asyncio
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import foreign, message
from packhouse.orders.files import choose, known, originals, read, store, uploads
from packhouse.orders.files.map import NUMBER, TEXT
from packhouse.orders.files.mapping import MappingError, Preset, parse
from packhouse.orders.files.records import Broken, Record, Row
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.orders import imports, orders

_SHOWN = 10
# What is read of a file to show its first orders, in rows and in pieces of its bytes.
_ROWS, _PIECES = 2_000, 4
_SAMPLES, _LONGEST = 3, 40
_IN_MEMORY = 8_000_000
_GUESSED = ""


class Table(NamedTuple):
    """A file that was put in: its columns, its first rows, and what is read of it."""

    row: uploads.ImportRow
    header: Sequence[str]
    rows: Sequence[Row]
    source: IO[bytes]
    said: imports.Said
    presets: Mapping[str, Preset]


class Chosen(NamedTuple):
    """What the form holds: the preset that it began with, and the field of each column."""

    base: str
    preset: Preset
    columns: Mapping[str, str]
    key: str
    name: str
    said: imports.Said


class Look(NamedTuple):
    """The first orders as they would be read, each with its faults and warnings; or why there are none."""

    orders: Sequence[tuple[imports.Line, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]]
    broken: str = ""


async def show_columns(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=imports.SCOPE)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as source:
        table = await _open(request, web_user, source)
        if table is None:
            return rendering.redirect(request, f"/import/{forms.to_id(request, message('import'))}")
        return await _show(request, web_user, table, _begin(table), forms.NOTHING)


async def choose_columns(request: Request) -> Response:
    """Every button of the form, and each change of it."""
    web_user = await web_users.require_user(request, scope=imports.SCOPE)
    form = await web_users.read_form(request, web_user.token)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as source:
        table = await _open(request, web_user, source)
        if table is None:
            raise errors.Conflict(
                errors.ErrorItem("conflict", message("This file is not kept any more: put it in again."))
            )
        chosen = _begin(table)
        try:
            chosen = _read_form(table, form)
            return await _DOINGS.get(web_users.text(form, "do"), _preview)(request, web_user, table, chosen)
        except choose.NoKey:
            refusal = forms.refuse("key", message("Say which column tells one order from another."))
        except MappingError as error:
            refusal = forms.refuse("", foreign(str(error)))
        except errors.Invalid as error:
            refusal = error
        return await _show(
            request, web_user, table, chosen, forms.to_typed("columns", form, refusal.faults), status=422
        )


async def _open(request: Request, web_user: web_users.WebUser, source: IO[bytes]) -> Table | None:
    """The file, as far as it is looked at; None where it cannot be read in another way (any more)."""
    ctx, account_id, id = context.of(request), web_user.session.account_id, forms.to_id(request, message("import"))
    async with ctx.db.read() as tx:
        row = await uploads.get_import(tx, account_id, id)
        is_kept = row.state in imports.CHANGEABLE and await originals.is_kept(tx, account_id, id)
        presets = await known.list_presets(tx, account_id)
    if not is_kept:
        return None
    await originals.load(ctx.db, account_id, id, source, _PIECES)
    about = uploads.read_about(row)
    said = imports.to_said(about["said"])
    chosen = about.get("preset") if about.get("preset") in presets else None
    options = read.Options(read.CSV, chosen, presets)
    try:
        header, rows = await asyncio.to_thread(read.read_head, source, options)
    except Broken:
        return None
    return Table(row, header, rows, source, said, presets)


def _begin(table: Table) -> Chosen:
    """How the file was read before; of one that nobody knows, what its columns tell."""
    said, about = table.said, uploads.read_about(table.row)
    name = str(about.get("preset") or "")
    if said.mapping:
        base, preset = _GUESSED, parse(said.mapping)
    elif name in table.presets:
        base, preset = name, table.presets[name]
    elif (closest := choose.find_closest(table.header, table.presets)) is not None:
        base, preset = closest, table.presets[closest]
    else:
        base, preset = _GUESSED, _guess(table)
    return _of_base(table, base, preset, said)


def _guess(table: Table) -> Preset:
    return choose.guess_preset(table.row.file_name, table.header, table.rows)


def _of_base(table: Table, base: str, preset: Preset, said: imports.Said) -> Chosen:
    told = said._replace(
        decimal=said.decimal or preset.formats.decimal or "", dates=said.dates or preset.formats.dates or ""
    )
    return Chosen(base, preset, choose.find_choices(preset, table.header), "", "", told)


def _read_form(table: Table, form: FormData) -> Chosen:
    """What was chosen; all anew where it was another preset. Raises Invalid and MappingError."""
    base, before = web_users.text(form, "base"), web_users.text(form, "before")
    if base and base not in table.presets:
        raise forms.refuse("base", message("There is no such preset."))
    said = imports.read_said(form)._replace(format=table.said.format)
    preset = table.presets[base] if base else _guess(table)
    if base != before:
        plain = said._replace(decimal="", dates="")
        return _of_base(table, base, preset, plain)
    names = choose.list_columns(table.header)
    if not base and table.said.mapping:
        preset = parse(table.said.mapping)
    found = choose.find_choices(preset, table.header)
    columns = {name: _read_choice(form, f"c{at}", found[name]) for at, name in enumerate(names)}
    key = web_users.text(form, "key")
    at = forms.read_id(key)
    key = names[at] if at is not None and at < len(names) else ""
    made = choose.change(
        preset,
        table.header,
        columns,
        title=web_users.text(form, "name") or preset.title,
        key=key,
        decimal=said.told().decimal,
        dates=said.told().day_order,
    )
    return Chosen(base, made, columns, key, web_users.text(form, "name"), said)


def _read_choice(form: FormData, field: str, before: str) -> str:
    """Raises Invalid."""
    choice = web_users.text(form, field) if field in form else before
    if choice not in ("", before, *choose.list_fields()):
        raise forms.refuse(field, message("There is no such field."))
    return choice


def _to_said(table: Table, chosen: Chosen) -> imports.Said:
    """How the file is to be read from now on; by its name, where a preset is used as it is."""
    if table.presets.get(chosen.base) == chosen.preset:
        # What the preset says itself is for where the file does not tell.
        usual = chosen.preset.formats
        decimal = "" if chosen.said.decimal == usual.decimal else chosen.said.decimal
        dates = "" if chosen.said.dates == usual.dates else chosen.said.dates
        return chosen.said._replace(preset=chosen.base, mapping="", decimal=decimal, dates=dates)
    return chosen.said._replace(preset="", mapping=choose.to_toml(chosen.preset))


async def _preview(request: Request, web_user: web_users.WebUser, table: Table, chosen: Chosen) -> Response:
    return await _show(request, web_user, table, chosen, forms.NOTHING)


async def _download(_request: Request, _visitor: web_users.WebUser, table: Table, chosen: Chosen) -> Response:
    title = chosen.name or chosen.preset.title or table.row.file_name
    content = choose.to_toml(choose.to_own(chosen.preset, table.header, title))
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(title, safe='')}.toml"}
    return Response(content, media_type="application/toml; charset=utf-8", headers=headers)


async def _save(request: Request, web_user: web_users.WebUser, table: Table, chosen: Chosen) -> Response:
    """Under the name from now on: what is kept is what the form begins with."""
    if not chosen.name:
        raise forms.refuse("name", message("Give it a name."))
    own = choose.to_own(chosen.preset, table.header, chosen.name)
    ctx, account_id = context.of(request), web_user.session.account_id
    try:

        async def work(tx: Transaction) -> None:
            kept = (account_id, web_user.caller.actor, chosen.name, choose.to_toml(own))
            await known.save_mapping(tx, *kept, now=ctx.clock())

        await ctx.db.write(work)
    except errors.Invalid as refusal:
        raise forms.refuse("name", refusal.faults[0].detail) from None
    async with ctx.db.read() as tx:
        table = table._replace(presets=await known.list_presets(tx, account_id))
    shown = _of_base(table, chosen.name, own, chosen.said)._replace(name=chosen.name)
    return await _show(request, web_user, table, shown, forms.NOTHING, kept=chosen.name)


async def _read(request: Request, web_user: web_users.WebUser, table: Table, chosen: Chosen) -> Response:
    """The whole file, as it was said; from then on it is looked through as any other."""
    ctx, account_id, id = context.of(request), web_user.session.account_id, table.row.id
    said = _to_said(table, chosen)
    options = await imports.to_options(request, web_user, said, table.row.file_name)
    await ctx.db.write(lambda tx: uploads.begin_again(tx, account_id, id, said._asdict(), now=ctx.clock()))
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as source:
        await originals.load(ctx.db, account_id, id, source)
        await imports.read_into(request, web_user, id, source, options)
    return rendering.redirect(request, f"/import/{id}")


_DOINGS = {"preview": _preview, "download": _download, "save": _save, "read": _read}


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    table: Table,
    chosen: Chosen,
    typed: forms.Typed,
    *,
    kept: str = "",
    status: int = 200,
) -> Response:
    async with context.of(request).db.read() as tx:
        shops = await orders.list_shops(tx, web_user.session.account_id)
    names = choose.list_columns(table.header)
    values: dict[str, Any] = {
        "section": "import",
        "row": table.row,
        "shops": shops,
        "presets": {name: preset for name, preset in table.presets.items() if preset.form == "table"},
        "chosen": chosen,
        "columns": [(name, chosen.columns.get(name, ""), _find_words(table, name)) for name in names],
        "kept_as": {name: _to_kept_as(chosen.preset, table.header, name) for name in names},
        "key": str(names.index(chosen.key)) if chosen.key in names else "",
        "groups": _to_groups(),
        "kept": kept,
        "look": Look(()) if typed.faults else await _look(request, web_user, table, chosen),
        "typed": typed,
    }
    return rendering.render(request, "import_columns.html", web_user, status=status, **values)


def _to_groups() -> dict[str, list[tuple[str, list[str]]]]:
    """The fields by the part of an order that they are of, each with the words of its name."""
    groups: dict[str, list[tuple[str, list[str]]]] = {}
    for field in choose.list_fields():
        first, *rest = field.split(".")
        group = {"item": "order_items"}.get(first, first) if rest else "order_details"
        groups.setdefault(group, []).append((field, _to_parts(field)))
    return groups


def _to_kept_as(preset: Preset, header: Sequence[str], name: str) -> list[list[str]]:
    """The fields of a column that is more than one."""
    return [_to_parts(field) for field in choose.list_targets(preset, header, name)]


def _to_parts(field: str) -> list[str]:
    """The words of its name: a choice is read without its group once it is made."""
    first, *rest = field.split(".")
    return [{"item": "order_items"}.get(first, first), *rest] if rest else [first]


def _find_words(table: Table, name: str) -> list[str]:
    """What stands in the column's first rows that have anything there."""
    at = list(table.header).index(name)
    words = (cells[at].lstrip(f"{NUMBER}{TEXT}").strip() for _, cells in table.rows if at < len(cells))
    return [word[:_LONGEST] for word in itertools.islice(dict.fromkeys(filter(None, words)), _SAMPLES)]


async def _look(request: Request, web_user: web_users.WebUser, table: Table, chosen: Chosen) -> Look:
    """The way an import goes, for the first orders, and undone."""
    ctx = context.of(request)
    said = _to_said(table, chosen)
    try:
        options = await imports.to_options(request, web_user, said, table.row.file_name)
    except errors.Invalid as refusal:
        return Look((), refusal.faults[0].detail)
    options = options._replace(most_rows=_ROWS)
    try:
        reading, found = await asyncio.to_thread(_read_first, table.source, options)
    except Broken as broken:
        return Look((), broken.detail)
    stored = await store.store(ctx.db, web_user.caller, found, now=ctx.clock(), is_dry_run=True)
    faults = {one.record.line: one.to_wire(reading.columns)["faults"] for one in stored.refused}
    warned = {one.record.line: one.to_wire(reading.columns, "warnings")["warnings"] for one in stored.warned}
    return Look([(imports.to_line(one), faults.get(one.line, ()), warned.get(one.line, ())) for one in found])


def _read_first(source: IO[bytes], options: read.Options) -> tuple[read.ParsedFile, list[Record]]:
    """Raises Broken."""
    source.seek(0)
    reading = read.open_file(source, options)
    found: list[Record] = []
    try:
        found += itertools.islice(reading.records, _SHOWN)
    except Broken:
        if not found:
            raise
    finally:
        reading.records.close()  # type: ignore[attr-defined]
    return reading, found


ROUTES = [
    Route("GET", "/import/{id}/columns", show_columns),
    Route("POST", "/import/{id}/columns", choose_columns),
]
