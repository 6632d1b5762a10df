"""From the bytes of a file to its text: which encoding it is in, and its lines.

UTF-8 is tried first, and UTF-16 and UTF-32 are known by their marks and zeros. Anything else is a code page of before
Unicode (`code_pages`).
"""

import codecs
import hashlib
import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

from packhouse.kit.messages import message
from packhouse.orders.files.code_pages import find_code_page
from packhouse.orders.files.records import MAX_RECORD, Broken

_CHUNK = 1 << 16
# Of the lines that are not ASCII so much is looked at.
_SAMPLE = 100_000
_ESCAPED = re.compile("[\udc80-\udcff]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MIXED = "packhouse.mixed"
"""The name of the error handler that reads what is not UTF-8 as CP1252."""

NAMES = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "utf-32": "UTF-32", "cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1251": "Windows-1251",
    "cp1253": "Windows-1253", "cp1254": "Windows-1254", "cp1257": "Windows-1257", "iso8859_15": "ISO 8859-15",
    "iso8859_2": "ISO 8859-2", "mac_roman": "Mac Roman", "cp850": "CP850", "cp852": "CP852", "cp437": "CP437",
    "koi8_r": "KOI8-R", "cp932": "Shift JIS", "euc_jp": "EUC-JP", "gbk": "GBK", "big5": "Big5", "cp949": "EUC-KR",
    "cp874": "Windows-874", "cp1255": "Windows-1255", "cp1256": "Windows-1256", "cp866": "CP866",
    MIXED: "UTF-8 with Windows-1252",
}  # fmt: skip


class Found(NamedTuple):
    """What a first reading of all bytes tells. `odd_line` is the first line that is not UTF-8, 0 where there is none;
    `has_backslash_quotes` says whether a quote stands behind a backslash anywhere."""

    encoding: str
    digest: str
    odd_line: int
    has_backslash_quotes: bool

    def to_name(self) -> str:
        return NAMES.get(self.encoding, self.encoding)


def _decode_as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace"), error.end


codecs.register_error(MIXED, _decode_as_cp1252)


def to_seekable(source: IO[bytes] | io.BufferedIOBase) -> IO[bytes]:
    """The source itself where it can be read twice, else a temporary file with its bytes."""
    kept: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the reading of the file
    while chunk := source.read1(_CHUNK):  # type: ignore[union-attr]
        kept.write(chunk)
    kept.seek(0)
    return kept


def examine(source: IO[bytes], encoding: str | None = None) -> Found:
    """Read all bytes once, from where they begin, and go back there."""
    source.seek(0)
    head = source.read(4096)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _find_wide(head)
    source.seek(0)
    scan = _Scan()
    while chunk := source.read(_CHUNK):
        scan.feed(chunk)
    source.seek(0)
    scan.end()
    chosen = encoding or marked or scan.choose()
    odd_line = 0 if marked or chosen.startswith("utf-") else scan.odd_line
    return Found(chosen, scan.digest.hexdigest(), odd_line, scan.has_backslash_quotes)


def _find_wide(head: bytes) -> str | None:
    """UTF-16 without its mark: every second byte of a header is zero."""
    if head[1::2].count(0) > 0.4 * len(head) / 2 and head:
        return "utf-16-le"
    return "utf-16-be" if head and head[::2].count(0) > 0.4 * len(head) / 2 else None


class _Scan:
    """Bytes fed chunk by chunk: what of them is not ASCII, and whether it is UTF-8."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.odd_line = 0
        self.has_backslash_quotes = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8 = True
        self._sample = bytearray()
        self._rest = b""
        self._lines = 1

    def feed(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self.has_backslash_quotes = self.has_backslash_quotes or b'\\"' in chunk
        if not chunk.isascii() or self._rest:
            self._look(chunk)
        self._lines += chunk.count(b"\n") or chunk.count(b"\r")

    def _look(self, chunk: bytes) -> None:
        if self._is_utf8:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError as error:
                self._is_utf8 = False
                before = error.object[: error.start]
                self.odd_line = self._lines + (before.count(b"\n") or before.count(b"\r"))
        if len(self._sample) < _SAMPLE:
            self._sample += b"\n".join(line for line in re.split(rb"[\r\n]", chunk) if not line.isascii())[:_SAMPLE]

    def end(self) -> None:
        if self._is_utf8:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._is_utf8, self.odd_line = False, self._lines

    def choose(self) -> str:
        if self._is_utf8:
            return "utf-8-sig"
        sample = bytes(self._sample)
        words = re.findall(rb"[\x80-\xff]+", sample)
        if sum(map(_is_utf8, words)) > len(words) / 2:
            return MIXED
        return find_code_page(sample) or "utf-8"


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_lines(source: IO[bytes], encoding: str) -> Iterator[str]:
    """Lines with their ends, whichever of the three ends they have. Raises Broken where the bytes are no text."""
    errors = MIXED if encoding == MIXED else "surrogateescape"
    name = "utf-8-sig" if encoding == MIXED else encoding
    source.seek(0)
    kept = io.BufferedReader(_Kept(source), _CHUNK)
    text = io.TextIOWrapper(kept, encoding=name, errors=errors, newline="")
    yield from check_lines(iter(lambda: text.readline(MAX_RECORD + 1), ""))


def check_lines(lines: Iterable[str]) -> Iterator[str]:
    number = 0
    try:
        for line in lines:
            number += 1
            if len(line) > MAX_RECORD:
                raise Broken(number, message("longer than {max_record} characters", max_record=MAX_RECORD))
            if (wrong := None if line.isascii() else _ESCAPED.search(line)) is not None:
                raise Broken(number, message("not UTF-8 (0x{byte})", byte=f"{ord(wrong[0]) - 0xDC00:02x}"))
            yield line
    except UnicodeError:
        raise Broken(number + 1, message("The file ends within a character, or holds what is none.")) from None


class _Kept(io.RawIOBase):
    """A reader whose end does not close the file below it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        found = self._source.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)
