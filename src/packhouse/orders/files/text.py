"""From the bytes of a file to its text: which encoding it is in, and its lines.

UTF-8 is tried first, and UTF-16 and UTF-32 are known by their marks and zeros. Anything else is one of the code pages
of eight bits: the one in which most of the words that are not ASCII are words of a single language.
"""

import codecs
import hashlib
import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import charset_normalizer

from packhouse.kit.messages import message
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

# The letters beside a-z of the languages that a code page is used for, by code page in the order of preference, each
# with the weight of a word of it: where two languages fit, the one that is read more often is meant.
_WESTERN = (
    ("äöüß", 1.0), ("àâæçéèêëîïôœùûü", 1.0), ("áéëèêïíóöúüçñäâàôû", 1.0), ("áàâãçéêíóôõúü", 1.0), ("àèéìíòóùú", 1.0),
    ("æøåéäöü", 1.0), ("åäöéü", 1.0), ("áðéíóúýþæö", 0.8),
)  # fmt: skip
_ALPHABETS: dict[str, tuple[tuple[str, float], ...]] = {
    "cp1252": _WESTERN,
    "cp1250": (("ąćęłńóśźż", 0.98), ("áčďéěíňóřšťúůýž", 0.98), ("áäčďéíĺľňóôŕšťúýž", 0.98), ("áéíóöőúüű", 0.98),
               ("ăâîşţ", 0.85), ("čćđšž", 0.97)),
    "cp1254": (("çğıöşüâî", 0.96),),
    "cp1257": (("ąčęėįšųūž", 0.95), ("āčēģīķļņšūž", 0.95), ("äöüõšž", 0.95)),
    "iso8859_15": tuple((letters, weight - 0.06) for letters, weight in _WESTERN),
    "iso8859_2": (("ąćęłńóśźż", 0.9), ("áčďéěíňóřšťúůýž", 0.9), ("áéíóöőúüű", 0.9)),
    "mac_roman": tuple((letters, weight - 0.12) for letters, weight in _WESTERN),
    "cp850": tuple((letters, weight - 0.14) for letters, weight in _WESTERN),
    "cp437": tuple((letters, weight - 0.16) for letters, weight in _WESTERN),
    "cp852": (("ąćęłńóśźż", 0.85), ("áčďéěíňóřšťúůýž", 0.85), ("áéíóöőúüű", 0.85)),
    "cp1251": (("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў", 0.9),),
    "koi8_r": (("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", 0.85),),
    "cp1253": (("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", 0.9),),
}  # fmt: skip
# Signs that stand beside letters, and those that stand by themselves: in the midst of letters they show that the code
# page is another.
_EDGES = "«»¿¡®©™…–—‘’‚“”„²³º°·•\u00a0"
_SIGNS = frozenset(_EDGES + "€£§½¼¾µ")
# Code pages of other scripts, in which every byte is some letter: one or two of them prove nothing.
_OTHER_SCRIPTS = frozenset({"cp1251", "cp1253", "koi8_r"})
_FEW = 3
_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f]+[^\W\d_]*(?:[^\x00-\x7f]+[^\W\d_]*)*")
# A quote that opens does not stand behind a word, but where one that belongs to it stands before.
_ODD_END = re.compile(r"[^‚„‘«].*[^\W\d_][‘‚„«]")
_LEAST_FITTING = 0.5

NAMES = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "utf-32": "UTF-32", "cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1251": "Windows-1251",
    "cp1253": "Windows-1253", "cp1254": "Windows-1254", "cp1257": "Windows-1257", "iso8859_15": "ISO 8859-15",
    "iso8859_2": "ISO 8859-2", "mac_roman": "Mac Roman", "cp850": "CP850", "cp852": "CP852", "cp437": "CP437",
    "koi8_r": "KOI8-R", MIXED: "UTF-8 with Windows-1252",
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
        sound = len(re.findall(rb"[\xc3-\xf4][\x80-\xbf]+", sample))
        odd = len(re.findall(rb"[\x80-\xff]+", sample)) - sound
        if sound > odd:
            return MIXED
        return find_code_page(sample) or "utf-8"


def find_code_page(sample: bytes) -> str | None:
    """The one that makes most words, or what charset-normalizer finds where none does; None where nothing fits."""
    scores = {name: _score(sample, name) for name in _ALPHABETS}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= _LEAST_FITTING:
        return best
    if _is_little(sample):
        return None
    found = charset_normalizer.from_bytes(sample).best()
    return found.encoding if found is not None else None


def _is_little(sample: bytes) -> bool:
    return len(set(sample) - set(range(128))) < _FEW


def _score(sample: bytes, code_page: str) -> float:
    """How much of the words with other letters than a-z is a word of one language, from 0 to 1."""
    try:
        text = sample.decode(code_page)
    except UnicodeDecodeError:
        return 0.0
    if code_page in _OTHER_SCRIPTS and _is_little(sample):
        return 0.0
    found = (word if _ODD_END.fullmatch(word) else word.strip(_EDGES) for word in _WORD.findall(text))
    words = [word for word in found if not word.isascii() and not set(word) <= _SIGNS]
    if not words:
        return 0.9 if _WORD.search(text) and code_page == "cp1252" else 0.0
    return sum(_weigh(word, code_page) for word in words) / len(words)


def _weigh(word: str, code_page: str) -> float:
    """0 for what cannot be a word: signs among letters, or a capital after a small letter."""
    letters = {letter.lower() for letter in word if not letter.isascii()} - {"\u00a0"}
    if word != word.upper() and any(letter.isupper() and not letter.isascii() for letter in word[1:]):
        return 0.0
    if "õ" in word.lower() and "õe" not in word.lower() and code_page != "cp1257":  # so it stands in Portuguese
        return 0.0
    return max((weight for alphabet, weight in _ALPHABETS[code_page] if letters <= set(alphabet)), default=0.0)


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
