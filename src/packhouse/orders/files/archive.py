"""A file inside a gzip or a zip, and workbooks: what unpacks is bounded, and nothing but the file is looked at."""

import gzip
import importlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import IO, Any, NamedTuple

from packhouse.kit.messages import message
from packhouse.orders.files.map import NUMBER
from packhouse.orders.files.records import Broken, Row

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
MOST_UNPACKED = 2_000_000_000
# A workbook's texts are read whole, before its rows.
_MOST_TEXTS = 100_000_000
_MOST_ROWS = 1_048_576
_CHUNK = 1 << 16
# What unpacking and the reader of workbooks raise for files that are none.
_FAULTS = (
    OSError, EOFError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError,
    KeyError, ValueError, TypeError, IndexError, AttributeError, SyntaxError, OverflowError,
    AssertionError, RecursionError, MemoryError,
)  # fmt: skip
_NOT_FILES = ("__MACOSX/", ".DS_Store", "Thumbs.db")


class Unpacked(NamedTuple):
    """The bytes of a file that can be read again, its name if an archive told it, and whether it is a workbook."""

    source: IO[bytes]
    name: str | None
    is_workbook: bool


def unpack(source: IO[bytes], most: int = MOST_UNPACKED) -> Unpacked:
    """Take a file out of a gzip or a zip of one file; any other is given back as it is. Raises Broken."""
    source.seek(0)
    head = source.read(4)
    source.seek(0)
    try:
        if head.startswith(GZIP):
            with gzip.GzipFile(fileobj=source, mode="rb") as packed:
                return _reopen(_copy(packed, most), None, most)
        if head == ZIP:
            return _unpack_zip(source, most)
    except _FAULTS as error:
        raise Broken(1, message("The archive cannot be unpacked: {error}", error=error)) from None
    return Unpacked(source, None, False)


def _reopen(source: IO[bytes], name: str | None, most: int) -> Unpacked:
    head = source.read(4)
    source.seek(0)
    try:
        unpacked = _unpack_zip(source, most) if head == ZIP else Unpacked(source, name, False)
    except BaseException:
        source.close()
        raise
    if unpacked.source is not source:
        source.close()
    return unpacked


def _unpack_zip(source: IO[bytes], most: int, depth: int = 0) -> Unpacked:
    archive = zipfile.ZipFile(source)
    names = {entry.filename for entry in archive.infolist()}
    if "[Content_Types].xml" in names:
        _check_workbook(archive, most)
        source.seek(0)
        return Unpacked(source, None, True)
    entries = [e for e in archive.infolist() if not e.is_dir() and not any(part in e.filename for part in _NOT_FILES)]
    if len(entries) != 1 or depth:
        raise Broken(1, message("The archive has to hold one file, and no archive in it."))
    with archive.open(entries[0]) as packed:
        inner = _copy(packed, most)
    if inner.read(4) == ZIP:
        return _unpack_inner(inner, most)
    inner.seek(0)
    return Unpacked(inner, entries[0].filename.rpartition("/")[2], False)


def _unpack_inner(inner: IO[bytes], most: int) -> Unpacked:
    """A workbook in a zip; another archive is none of our business."""
    inner.seek(0)
    try:
        return _unpack_zip(inner, most, depth=1)
    except BaseException:
        inner.close()
        raise


def _check_workbook(archive: zipfile.ZipFile, most: int) -> None:
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    texts = sum(size for name, size in sizes.items() if name.lower().endswith(("sharedstrings.xml", "styles.xml")))
    _check_size(sum(sizes.values()), most)
    _check_size(texts, _MOST_TEXTS)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise Broken(1, message("The archive unpacks to more than may be read."))


def _copy(packed: Any, most: int) -> IO[bytes]:
    made: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the reading of the file
    size = 0
    try:
        while chunk := packed.read(_CHUNK):
            size += len(chunk)
            _check_size(size, most)
            made.write(chunk)
    except BaseException:
        made.close()
        raise
    made.seek(0)
    return made


def read_workbook(source: IO[bytes]) -> Iterator[Row]:
    """The rows of the first sheet that has any, with numbers marked as such. Neither formulas nor links are followed:
    what a cell showed when the workbook was saved is what it holds. Raises Broken."""
    with _as_broken():
        source.seek(0)
        openpyxl = importlib.import_module("openpyxl")  # a server that starts reads no workbook
        book = openpyxl.load_workbook(source, read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
    for sheet in sheets:
        found = False
        for row in _read_sheet(sheet):
            found = True
            yield row
        if found:
            return


def _read_sheet(sheet: Any) -> Iterator[Row]:
    with _as_broken():
        sheet.reset_dimensions()
        values = sheet.iter_rows(values_only=True)
    for number in range(1, _MOST_ROWS + 2):
        with _as_broken(number):
            row = next(values, None)
        if row is None:
            return
        cells = [_to_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells
    raise Broken(_MOST_ROWS, message("A workbook has at most 1,048,576 rows."))


@contextmanager
def _as_broken(line: int = 1) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise Broken(line, message("The workbook cannot be read: {error}", error=error)) from None


def _to_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e22
        return f"{NUMBER}{int(value)}.0" if whole else f"{NUMBER}{value}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)
