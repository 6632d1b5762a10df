"""Orders as files, written one at a time (docs/files.md)."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import IO, Any, NamedTuple, Protocol

import orjson

from packhouse.orders.files import columns, tables
from packhouse.orders.files.columns import COLUMNS
from packhouse.orders.files.mapping import Preset, list_presets

# A cell that begins so is taken for a formula by spreadsheets; a mark before it keeps it a text, and is read back as
# none (`columns.unguard`).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_CELL = 32_767


class Form(NamedTuple):
    """`write` takes an order as JSON text and whether it is the first, and gives the piece of the file."""

    suffixes: tuple[str, ...]
    begin: str
    write: Callable[[str, bool], str]
    end: str


class Writer(Protocol):
    """Takes orders as JSON texts, and what is known of their parcels where the file tells of those."""

    def add(self, order: str) -> None: ...

    def close(self) -> None: ...


class Style(NamedTuple):
    """How the reader's spreadsheet cuts cells and writes numbers."""

    separator: str = ","
    decimal: str = "."


PLAIN = Style()


def _write_element(order: str, is_first: bool) -> str:
    return order if is_first else f",\n{order}"


def _write_line(order: str, _is_first: bool) -> str:
    return f"{order}\n"


def _write_rows(order: str, _is_first: bool) -> str:
    return tables.write_rows(columns.to_rows(orjson.loads(order)))


FORMS: Mapping[str, Form] = {
    "json": Form((".json",), "[", _write_element, "]\n"),
    "jsonl": Form((".jsonl", ".ndjson"), "", _write_line, ""),
    "csv": Form((".csv",), tables.write_rows([list(columns.COLUMNS)]), _write_rows, ""),
}
EXCEL_CSV, WORKBOOK = "excel-csv", "xlsx"
# Files that shops' bulk "mark as shipped" take, by the preset that says how.
TRACKING = {f"{name}-tracking": preset for name, preset in (
    ("shopify", "shopify"), ("amazon", "amazon_unshipped"), ("woocommerce", "woocommerce_webtoffee"),
)}  # fmt: skip
NAMES = (*FORMS, EXCEL_CSV, WORKBOOK, *TRACKING)


def find_form(name: str) -> str | None:
    """The form that a file's name ends with."""
    if name.lower().endswith(".xlsx"):
        return WORKBOOK
    return next((form for form, made in FORMS.items() if name.lower().endswith(made.suffixes)), None)


def open_writer(name: str, target: IO[bytes], style: Style = PLAIN) -> Writer:
    if name == EXCEL_CSV:
        return _ExcelCsv(target, style)
    return _Workbook(target) if name == WORKBOOK else _Text(FORMS[name], target)


class _Text:
    """JSON, JSON Lines and CSV, as programs read them."""

    def __init__(self, form: Form, target: IO[bytes]) -> None:
        self._form, self._target, self._is_first = form, target, True
        target.write(form.begin.encode())

    def add(self, order: str) -> None:
        self._target.write(self._form.write(order, self._is_first).encode())
        self._is_first = False

    def close(self) -> None:
        self._target.write(self._form.end.encode())


class _ExcelCsv:
    """CSV that a spreadsheet opens by a click: with a byte order mark, the reader's separator and decimals, and no cell
    that runs as a formula."""

    def __init__(self, target: IO[bytes], style: Style) -> None:
        self._target, self._style = target, style
        self._is_number = [column.kind == "number" for column in COLUMNS.values()]
        target.write(b"\xef\xbb\xbf")
        self._write([list(COLUMNS)])

    def add(self, order: str) -> None:
        rows = columns.to_rows(orjson.loads(order))
        self._write([self._to_cell(*pair) for pair in zip(row, self._is_number, strict=True)] for row in rows)

    def _write(self, rows: Iterable[Sequence[str]]) -> None:
        self._target.write(tables.write_rows(rows, self._style.separator).encode())

    def _to_cell(self, cell: str, is_number: bool) -> str:
        if is_number and columns.is_number(cell):
            # Three digits behind the mark could be thousands; a fourth tells.
            whole, mark, part = cell.partition(".")
            return f"{whole}{mark and self._style.decimal}{part}{'0' if len(part) == 3 else ''}"
        return to_safe(cell)

    def close(self) -> None:
        pass


def to_safe(cell: str) -> str:
    """The cell with a mark before what a spreadsheet would run."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Workbook:
    """XLSX, written row by row to a temporary file, and packed when it is whole."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        cells: Any = importlib.import_module("openpyxl.cell.cell")  # a server that starts writes no workbook
        self._make_cell, self._unwritable = cells.WriteOnlyCell, cells.ILLEGAL_CHARACTERS_RE
        self._book: Any = importlib.import_module("openpyxl").Workbook(write_only=True)
        self._sheet = self._book.create_sheet("Orders")
        self._is_number = [column.kind == "number" for column in COLUMNS.values()]
        self._sheet.append(list(COLUMNS))

    def add(self, order: str) -> None:
        for row in columns.to_rows(orjson.loads(order)):
            self._sheet.append([self._to_cell(*pair) for pair in zip(row, self._is_number, strict=True)])

    def _to_cell(self, cell: str, is_number: bool) -> Any:
        if not cell:
            return None
        if is_number and columns.is_number(cell) and len(cell.strip("-0.")) <= 15:
            number = self._make_cell(self._sheet, value=cell)
            number.data_type = "n"  # in its own digits: 25.0 is read again as 25.0
            return number
        made = self._make_cell(self._sheet, value=self._unwritable.sub("", cell)[:_LONGEST_CELL])
        made.data_type = "s"  # never a formula, whatever it begins with
        return made

    def close(self) -> None:
        self._book.save(self._target)


class Parcel(NamedTuple):
    """What a shop is told of a parcel that is on its way."""

    order_id: str
    order_number: str
    tracking_number: str
    tracking_url: str
    carrier_name: str
    service: str
    shipped_on: date


class Tracking:
    """A preset backwards: the file that its shop takes to mark orders as shipped."""

    def __init__(self, preset: Preset, target: IO[bytes]) -> None:
        self._preset, self._target = preset, target
        self._separator = "\t" if preset.tracking_separator == "tab" else ","
        self._write([list(preset.tracking)])

    def add(self, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            told = self._to_told(parcel)
            fields = self._preset.tracking.values()
            self._write([[field[1:] if field[:1] == "=" else to_safe(told.get(field, "")) for field in fields]])

    def _to_told(self, parcel: Parcel) -> dict[str, str]:
        """With the carrier as a shop knows it that has a list of them, by the first words of its name."""
        name = parcel.carrier_name
        words = f"{name.casefold()} "
        known = next((one for one in self._preset.tracking_carriers if words.startswith(f"{one.casefold()} ")), "")
        told = {**parcel._asdict(), "shipped_on": f"{parcel.shipped_on:{self._preset.tracking_dates}}"}
        return {**told, "known_carrier": known or "Other", "other_carrier": "" if known else name}

    def _write(self, rows: Iterable[Sequence[str]]) -> None:
        self._target.write(tables.write_rows(rows, self._separator).encode())


def open_tracking(name: str, target: IO[bytes]) -> Tracking:
    return Tracking(list_presets()[TRACKING[name]], target)
