"""From the rows of one order to its record, by a mapping."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from fnmatch import fnmatchcase
from typing import Any, Generic, NamedTuple, TypeVar

from packhouse.kit.messages import foreign, join, message
from packhouse.kit.wire.validation import ValidationIssue
from packhouse.orders import schema
from packhouse.orders.files import columns, complete, formats
from packhouse.orders.files.columns import COLUMNS, ITEMS, Column
from packhouse.orders.files.formats import Conventions, Evidence, Unreadable
from packhouse.orders.files.mapping import PATTERNS, Cell, Preset, Target, to_plain, to_target
from packhouse.orders.files.records import Record, Row
from packhouse.orders.files.spool import Group, to_key

_MANGLED = message(
    "A spreadsheet has shortened this number, and its digits are lost. Export the file anew and "
    "bring it as it is; to open it in a spreadsheet first, read this column in as text."
)
_NO_DATE = message(
    "This is what a shop writes where there is no date. Put in the day of the order, like 2026-02-20 10:00."
)
_PIECES = re.compile(
    r"(\d[\d.,]*)\s*(?:x|×|st|stk|stck|stück|stuks?|pcs?|pieces?|pièces?|pz|szt|uds?|units?|個|点)\.?|[x×]\s*(\d+)",
    re.IGNORECASE,
)
"""`2x`, `2 Stk.`, `2 szt.`: how people write that there are two."""
_WORDS_OF_NOTHING = ("NULL", "null", r"\N", "NaN", "#N/A")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-fA-F]{2,5}|amp|quot|apos|lt|gt|nbsp);")
"""What Etsy and shops in PHP leave of the page in names: `Ring &quot;Moon&quot;`."""
_PLACED_AT = "order_details.order_created_at"
_TRUE, _FALSE = (
    ("true", "yes", "1", "ja", "oui", "wahr", "y", "x"),
    ("false", "no", "0", "nein", "nee", "non", "falsch", "n"),
)
# An Excel number keeps fifteen digits.
_DIGITS_OF_A_NUMBER = 15
NUMBER, TEXT = "\x01", "\x02"
"""The marks before a cell of a spreadsheet that is a number, and before one that reads like nothing else."""


class Rule(NamedTuple):
    """A column of the file that goes into a field."""

    at: int
    name: str
    column: Column
    joins: bool
    target: Target


_CellT = TypeVar("_CellT", bound=Cell)


class CellRule(NamedTuple, Generic[_CellT]):
    """What a column of the file may hold, and what comes of it."""

    at: int
    told: _CellT
    pattern: re.Pattern[str] | None
    words: frozenset[str]

    def holds(self, cells: Sequence[str]) -> bool:
        cell = cells[self.at].strip() if self.at < len(cells) else ""
        if self.told.filled:
            return bool(cell)
        is_like = bool(cell) and self.pattern is not None and self.pattern.search(cell) is not None
        return is_like or cell.casefold() in self.words


class Place(NamedTuple):
    """What a file's orders belong to: a shop, the country and time zone of the account, and its day, on which orders
    were placed that no column tells the time of."""

    integration_id: int | None = None
    country: str = ""
    zone: tzinfo = UTC
    today: str = ""
    fixed: Mapping[str, str] = {}


class Mapper:
    """A mapping as it is for one file's header."""

    def __init__(self, preset: Preset, header: Sequence[str], place: Place, *, is_typed: bool = False) -> None:
        self.preset, self.header, self._place, self._is_typed = preset, header, place, is_typed
        self.conventions = Conventions()
        rules = list(_find_rules(preset, header))
        self._of_order = [rule for rule in rules if not rule.column.of_item]
        # What was paid back is taken off what was read before.
        self._of_item = sorted((rule for rule in rules if rule.column.of_item), key=lambda rule: rule.target.minus)
        self._numbers = [rule.at for rule in rules if rule.column.kind == "number"]
        self._dates = [rule.at for rule in rules if rule.column.is_instant]
        names = [to_plain(name) for name in header]
        key = columns.KEY if preset.native else preset.key
        self._key = [names.index(to_plain(name)) for name in key if to_plain(name) in names]
        self._needs = [at for at in self._key if not preset.native or header[at] == "order_id"]
        self._skips = _find_cells(preset.skip, names)
        self._whens = _find_cells(preset.when, names)
        self._packed = _find_packed(preset, names)
        self.columns = {rule.column.name: rule.name for rule in reversed(rules)}
        tells_time = _PLACED_AT in {*self.columns, *preset.fixed, *preset.assumed, *place.fixed}
        self._placed_at = "" if preset.native or tells_time else place.today

    def see(self, cells: Sequence[str], evidence: Evidence) -> None:
        """Look at what a row proves of how the file writes numbers and dates."""
        for index in self._numbers:
            if index < len(cells) and (cell := cells[index]) and not cell.isdigit():
                evidence.see_number(cell)
        for index in self._dates:
            if index < len(cells) and (cell := cells[index]):
                evidence.see_date(cell)

    def conclude(self, evidence: Evidence, told: Conventions) -> None:
        self.conventions = evidence.conclude(told._replace(zone=self._place.zone), self.preset.usual())

    def find_key(self, cells: Sequence[str]) -> str | None:
        """The words that the rows of an order share; None where the row does not say which order it is of."""
        key = [cells[at] if at < len(cells) else "" for at in self._key]
        if not self.preset.native:
            key = [cell.strip() for cell in key]
        needed = [cell for at, cell in zip(self._key, key, strict=True) if at in self._needs]
        # Of shortened numbers several orders may look alike.
        is_known = bool(needed) and all(cell and not formats.is_mangled(cell) for cell in needed)
        return to_key(key) if is_known else None

    def follows(self, cells: Sequence[str]) -> bool:
        """Whether a row without a key says something of an item alone: then it belongs to the order before."""
        return self._has(self._of_item, cells) and not self._has(self._of_order, cells)

    @staticmethod
    def _has(rules: Sequence[Rule], cells: Sequence[str]) -> bool:
        return any(rule.at < len(cells) and cells[rule.at].strip() for rule in rules)

    def to_record(self, group: Group) -> Record:
        rows = [(line, [*cells]) for line, cells in group.rows]
        flaws = [flaw for line, cells in rows if (flaw := self._find_surplus(line, cells))]
        if group.is_too_long:
            flaws.append(ValidationIssue((), message("This order has more rows than a record may hold.")))
        if why := self._find_left_out(rows):
            return Record(rows[0][0], b"", rows=rows, left_out=why)
        warnings: list[ValidationIssue] = []
        order = self._read_order(rows, flaws)
        items, item_rows = self._read_items(rows, flaws, warnings)
        if items or not self.preset.native:
            columns.put(order, ITEMS, items)
        self._complete(order, rows, warnings)
        if self._place.integration_id is not None:
            self._place_in(order, self._place.integration_id)
        for name in schema.READ_ONLY & order.keys():
            del order[name]
        body = json.dumps(order).encode()
        return Record(rows[0][0], body, flaws, warnings, rows, item_rows, placed_at=self._placed_at)

    @staticmethod
    def _place_in(order: dict[str, Any], integration_id: int) -> None:
        """Name the shop of an order that names none."""
        details = order.get("order_details", {})
        if isinstance(details, dict) and "integration" not in details:
            order["order_details"] = {"integration": {"id": integration_id}, **details}

    def _complete(self, order: dict[str, Any], rows: Sequence[Row], warnings: list[ValidationIssue]) -> None:
        for when in self._whens:
            if any(when.holds(cells) for _, cells in rows):
                for name, value in when.told.put.items():
                    complete.set_fixed(order, COLUMNS[name], value)
        for name, value in self._place.fixed.items():
            column = COLUMNS[name]
            complete.set_fixed(order, column, columns.from_cell(column.kind, value), is_forced=True)
        if not self.preset.native:
            complete.complete(order, self.preset, self._place.country, warnings)

    def _find_surplus(self, line: int, cells: Sequence[str]) -> ValidationIssue | None:
        width = len(self.header)
        if len(cells) <= width or not any(cell.strip() for cell in cells[width:]):
            return None
        return ValidationIssue(
            (), message("Line {line} has {cells} cells, the header {width}", line=line, cells=len(cells), width=width)
        )

    def _find_left_out(self, rows: Sequence[Row]) -> str:
        of_order = [rule for rule in self._skips if rule.told.what == "order"]
        return next((rule.told.why for rule in of_order if any(rule.holds(cells) for _, cells in rows)), "")

    def _read_order(self, rows: Sequence[Row], flaws: list[ValidationIssue]) -> dict[str, Any]:
        order: dict[str, Any] = {}
        for rule in self._of_order:
            if rule.target.sum:
                self._add_up(order, rule, rows, flaws)
                continue
            first: tuple[int, str] | None = None
            for line, cells in rows:
                cell = cells[rule.at] if rule.at < len(cells) else ""
                if not cell or not (self.preset.native or cell.strip()):
                    continue
                if first is None:
                    first = line, cell
                elif cell != first[1] and not rule.target.first and self._differ(rule, cell, first[1]):
                    detail = message(
                        "{name} in line {line} is not what line {first} says of the same order",
                        name=rule.name,
                        line=line,
                        first=first[0],
                    )
                    flaws.append(ValidationIssue(rule.column.path, detail))
            if first is not None:
                self._put(order, rule, first[1], (), flaws)
        return order

    def _differ(self, rule: Rule, cell: str, other: str) -> bool:
        found: list[ValidationIssue] = []
        return bool(self._read(rule, cell, (), found) != self._read(rule, other, (), found))

    def _add_up(self, order: dict[str, Any], rule: Rule, rows: Sequence[Row], flaws: list[ValidationIssue]) -> None:
        numbers = []
        for _, cells in rows:
            cell = cells[rule.at] if rule.at < len(cells) else ""
            if cell.strip() and (value := self._read(rule, cell, (), flaws, order)) is not None:
                numbers.append(value)
        if numbers and columns.find(order, rule.column.path) is columns.ABSENT:
            columns.put(order, rule.column.path, complete.add_up(numbers))

    def _read_items(
        self, rows: Sequence[Row], flaws: list[ValidationIssue], warnings: list[ValidationIssue]
    ) -> tuple[list[dict[str, Any]], list[int]]:
        items: list[dict[str, Any]] = []
        item_rows: list[int] = []
        nameless: list[int] = []
        of_item = [rule for rule in self._skips if rule.told.what == "item"]
        for at, (line, cells) in enumerate(rows):
            why = next((rule.told.why for rule in of_item if rule.holds(cells)), "")
            if why:
                warnings.append(
                    ValidationIssue(ITEMS, message("{why} (line {line})", why=foreign(why), line=line), "left_out")
                )
                continue
            if self._packed:
                found = list(self._unpack(cells, len(items), flaws))
            else:
                item = self._read_item(cells, len(items), flaws)
                found = [item] if (self.preset.native and item) or complete.is_item(item) else []
                if item and not found:
                    nameless.append(line)
            items += found
            item_rows += [at] * len(found)
        if nameless and not items:
            detail = message(
                "No column says which article this is, so there is no item (line {line}).", line=nameless[0]
            )
            warnings.append(ValidationIssue(ITEMS, detail, "left_out"))
        return items, item_rows

    def _read_item(self, cells: Sequence[str], number: int, flaws: list[ValidationIssue]) -> dict[str, Any]:
        item: dict[str, Any] = {}
        for rule in self._of_item:
            cell = cells[rule.at] if rule.at < len(cells) else ""
            if cell and (self.preset.native or cell.strip()):
                self._put(item, rule, cell, (*ITEMS, number), flaws)
        return item

    def _unpack(self, cells: Sequence[str], number: int, flaws: list[ValidationIssue]) -> Iterator[dict[str, Any]]:
        packed = self.preset.items
        if packed is None:
            return
        targets = packed.list_fields()
        for index in self._packed:
            cell = cells[index] if index < len(cells) else ""
            for told in complete.unpack(cell, packed):
                item: dict[str, Any] = {}
                for name in sorted(told, key=lambda name: targets[name].minus):  # what was paid back is taken off last
                    value, column = told[name], COLUMNS[str(targets[name].to)]
                    rule = Rule(index, self.header[index], column, False, targets[name])
                    if value.strip():
                        self._put(item, rule, value, (*ITEMS, number), flaws)
                if item:
                    yield item
                    number += 1

    def _put(
        self, holder: dict[str, Any], rule: Rule, cell: str, at: tuple[str | int, ...], flaws: list[ValidationIssue]
    ) -> None:
        if rule.target.read == "address":
            for name, part in complete.split_address(cell).items():
                columns.put(holder, (*rule.column.path, name), part)
            return
        before = columns.find(holder, rule.column.path)
        if rule.target.minus:
            complete.take_back(holder, rule.column.path, before, self._read(rule, cell, at, flaws))
            return
        if before is not columns.ABSENT and not rule.joins and not self.preset.native:
            return
        value = self._read(rule, cell, at, flaws, holder)
        if value is None and not self.preset.native:
            return
        if rule.joins and isinstance(before, str) and before:
            value = f"{before} {value}"
        columns.put(holder, rule.column.path, value)

    def _read(
        self,
        rule: Rule,
        cell: str,
        at: tuple[str | int, ...],
        flaws: list[ValidationIssue],
        holder: dict[str, Any] | None = None,
    ) -> Any:
        """The value; what cannot be read is a flaw and stays as it stands."""
        try:
            return self._to_value(rule, cell, holder)
        except Unreadable as unreadable:
            flaws.append(ValidationIssue((*at, *rule.column.path), foreign(str(unreadable))))
            return to_written(cell)

    def _to_value(self, rule: Rule, cell: str, holder: dict[str, Any] | None) -> Any:
        column = rule.column
        if self._is_typed:
            cell = _check_typed(column, cell)
        if not self.preset.native:
            return self._to_foreign(rule, cell.strip(), holder)
        if cell == "null" or cell.startswith('"') or column.name in schema.READ_ONLY:
            return columns.from_cell(column.kind, cell)
        return self._to_kind(rule, cell, holder)

    def _to_foreign(self, rule: Rule, cell: str, holder: dict[str, Any] | None) -> Any:
        cell = rule.target.values.get(cell, cell)
        if cell in _WORDS_OF_NOTHING:
            return None
        cell = _ENTITY.sub(lambda found: html.unescape(found[0]), cell) if "&" in cell else cell
        if rule.column.kind == "boolean":
            plain = cell.casefold()
            return True if plain in _TRUE else False if plain in _FALSE else cell
        if rule.column.kind == "texts":
            return [word for word in (part.strip() for part in re.split(r"[,;|]", cell)) if word]
        return self._to_kind(rule, cell, holder)

    def _to_kind(self, rule: Rule, cell: str, holder: dict[str, Any] | None) -> Any:
        if rule.column.kind == "text":
            return self._to_text(rule, cell)
        if rule.column.kind == "number":
            return self._to_number(rule.column, cell, holder)
        return columns.from_cell(rule.column.kind, cell)

    def _to_text(self, rule: Rule, cell: str) -> Any:
        column = rule.column
        if formats.is_mangled(cell):
            raise Unreadable(_MANGLED)
        if cell[:1] in ("'", "="):
            cell = columns.unguard(column, cell)
        if column.is_instant:
            return self._to_instant(column, cell)
        return cell

    def _to_instant(self, column: Column, cell: str) -> Any:
        if formats.is_no_date(cell):
            if column.path[-1] == "order_created_at":
                raise Unreadable(_NO_DATE)
            return None
        try:
            return formats.read_date(cell, self.conventions.day_order, self.conventions.zone)
        except Unreadable:
            if self.preset.native and not any(character.isdigit() for character in cell):
                return cell  # the wire's shape says what is wrong with it
            raise

    def _to_number(self, column: Column, cell: str, holder: dict[str, Any] | None) -> Any:
        conventions = self.conventions
        is_plain = conventions.decimal != "," and not conventions.is_mixed
        if self.preset.native and is_plain:
            value = columns.from_cell("number", cell)
            if not isinstance(value, str):
                return _to_whole(column, value)
        cell = columns.unguard(column, cell)
        if column.is_whole and not cell.isdigit() and (pieces := _PIECES.fullmatch(cell.strip())) is not None:
            cell = pieces[1] or pieces[2]
        if self.preset.native and not any(character.isdigit() for character in cell):
            return cell
        number, currency = formats.read_amount(cell, conventions.decimal)
        if currency and holder is not None and column.path[-1] == "value":
            complete.set_currency(holder, column.path, currency)
        return _to_whole(column, json.loads(number))


def to_written(cell: str) -> str:
    """A cell of a workbook without its mark. A number that is too long to be whole is written so that it is known to be
    shortened when it is brought again."""
    if not cell.startswith((NUMBER, TEXT)):
        return cell
    plain = cell[1:].removesuffix(".0")
    is_long = cell.startswith(NUMBER) and plain.strip("-").isdigit() and len(plain.strip("-0")) > _DIGITS_OF_A_NUMBER
    return f"{int(plain):.14E}" if is_long else plain


def _to_whole(column: Column, value: Any) -> Any:
    """`1.0` where a whole number is meant."""
    is_whole = column.is_whole and isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if is_whole else value


def _check_typed(column: Column, cell: str) -> str:
    """A number of a spreadsheet as it would be written; where it is to be an id, it may have lost its digits."""
    if not cell.startswith(NUMBER):
        return cell
    cell = cell[1:]
    if column.kind != "number":
        cell = cell.removesuffix(".0")
    if column.kind == "text" and not column.is_instant and len(cell.strip("-0.")) > _DIGITS_OF_A_NUMBER:
        raise Unreadable(_MANGLED)
    return cell


def _find_rules(preset: Preset, header: Sequence[str]) -> Iterator[Rule]:
    """In the order in which fields are filled: an object's own column before those of its parts in our own files, the
    mapping's order in those of others."""
    if preset.native:
        places = sorted(
            (at for at, name in enumerate(header) if name in COLUMNS), key=lambda at: columns.PLACES[header[at]]
        )
        yield from (Rule(at, header[at], COLUMNS[header[at]], False, Target(to=header[at])) for at in places)
        return
    plain = [to_plain(name) for name in header]
    for name, told in preset.columns.items():
        target = to_target(told)
        wanted = to_plain(name)
        for at in [at for at, column in enumerate(plain) if column == wanted or fnmatchcase(column, wanted)][:1]:
            for field in target.fields():
                yield Rule(at, header[at], COLUMNS[field.removeprefix("+")], field.startswith("+"), target.target)


def _find_cells(told: Iterable[_CellT], names: Sequence[str]) -> list[CellRule[_CellT]]:
    """The rules of columns that this file has."""
    return [
        CellRule(
            names.index(to_plain(cell.column)),
            cell,
            re.compile(PATTERNS.get(cell.matches, cell.matches), re.IGNORECASE) if cell.matches else None,
            frozenset(word.casefold() for word in cell.values),
        )
        for cell in told
        if to_plain(cell.column) in names
    ]


def _find_packed(preset: Preset, names: Sequence[str]) -> list[int]:
    wanted = [to_plain(name) for name in preset.items.columns] if preset.items else []
    return [at for at, name in enumerate(names) if any(fnmatchcase(name, pattern) for pattern in wanted)]


def check_header(preset: Preset, header: Iterable[str]) -> None:
    """Raises ValueError that names the columns that our own files do not have, and those that are there twice."""
    names = list(header)
    unknown = [repr(name) for name in dict.fromkeys(names) if name not in COLUMNS]
    twice = [repr(name) for name in dict.fromkeys(names) if name in COLUMNS and names.count(name) > 1]
    said = [message("unknown: {found}", found=", ".join(unknown))] if unknown else []
    said += [message("repeated: {found}", found=", ".join(twice))] if twice else []
    if preset.native and said:
        raise ValueError(message("Columns that cannot be read. {said}.", said=join("; ", said)))
