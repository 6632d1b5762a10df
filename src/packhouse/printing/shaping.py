"""From a line of text to glyphs: the right font for each letter, runs as they are seen, letters joined and stacked.

Scripts whose letters change by what is beside them are shaped by HarfBuzz; the other way letters run is found by the
Unicode bidirectional algorithm. A glyph that no letter stands for gets a letter of the private use area within its
font, so that ReportLab can draw it.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, NamedTuple

import arabic_reshaper
import uharfbuzz
from bidi.algorithm import get_display
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

Weight = Literal["Regular", "Bold"]

BASIC = "NotoSans"
_FIRST = (BASIC, "NotoSansArabic", "NotoSansHebrew")
_BY_SCRIPT: tuple[tuple[int, int, str], ...] = (
    (0x0530, 0x058F, "NotoSansArmenian"),
    (0x0780, 0x07BF, "NotoSansThaana"),
    (0x0900, 0x097F, "NotoSansDevanagari"),
    (0x0980, 0x09FF, "NotoSansBengali"),
    (0x0A00, 0x0A7F, "NotoSansGurmukhi"),
    (0x0A80, 0x0AFF, "NotoSansGujarati"),
    (0x0B00, 0x0B7F, "NotoSansOriya"),
    (0x0B80, 0x0BFF, "NotoSansTamil"),
    (0x0C00, 0x0C7F, "NotoSansTelugu"),
    (0x0C80, 0x0CFF, "NotoSansKannada"),
    (0x0D00, 0x0D7F, "NotoSansMalayalam"),
    (0x0D80, 0x0DFF, "NotoSansSinhala"),
    (0x0E00, 0x0E7F, "NotoSansThai"),
    (0x0E80, 0x0EFF, "NotoSansLao"),
    (0x1000, 0x109F, "NotoSansMyanmar"),
    (0x10A0, 0x10FF, "NotoSansGeorgian"),
    (0x1200, 0x139F, "NotoSansEthiopic"),
    (0x1780, 0x17FF, "NotoSansKhmer"),
    (0x19E0, 0x19FF, "NotoSansKhmer"),
    (0x1C90, 0x1CBF, "NotoSansGeorgian"),
    (0x2D00, 0x2D2F, "NotoSansGeorgian"),
    (0x2D80, 0x2DDF, "NotoSansEthiopic"),
    (0x3131, 0x318E, "PackhouseHangul"),
    (0xA8E0, 0xA8FF, "NotoSansDevanagari"),
    (0xA9E0, 0xAA7F, "NotoSansMyanmar"),
    (0xAB00, 0xAB2F, "NotoSansEthiopic"),
    (0xAC00, 0xD7A3, "PackhouseHangul"),
    (0xFB13, 0xFB17, "NotoSansArmenian"),
)
"""First and last letter of a block, and the family that has it. A font is not loaded for letters of another block."""

_IDEOGRAPHS = "DroidSansFallbackFull"
_SYMBOLS = ("NotoSansSymbols", "NotoSansSymbols2", "NotoEmoji")
_PICTURES = 0x1F000
"""From here on there are emoji, and ideographs only from plane 2."""

_BOLD = frozenset(
    (*_FIRST, "NotoSansArmenian", "NotoSansBengali", "NotoSansDevanagari", "NotoSansGeorgian", "NotoSansTamil")
) | {"NotoSansThai"}
"""Families that are here in bold too; the others are drawn in the regular weight."""

_JOINERS = "\u200c\u200d"
_PRIVATE_USE = range(0xE000, 0xF900)
_UNSHAPED = frozenset({*_FIRST, _IDEOGRAPHS, "PackhouseHangul", *_SYMBOLS[:2]})

_UNJOINED = re.compile("[\u0620-\u064a\u066e-\u06d3\u06fa-\u08ff]")
"""Letters of Arabic that are not yet in a form of theirs."""


class Run(NamedTuple):
    """Letters of one font: in the order in which they are read where they are shaped, else as they are seen."""

    font: str
    text: str
    is_rtl: bool
    is_shaped: bool


class Glyph(NamedTuple):
    """A letter that its font draws as it should look, and where from the run's start, in thousandths of the size."""

    letter: str
    x: float
    y: float


class Shaped(NamedTuple):
    """`width` in thousandths of the size; `has_private` where a glyph has no letter of its own."""

    glyphs: tuple[Glyph, ...]
    width: float
    has_private: bool


@cache
def get_font(name: str) -> TTFont:
    """Loaded once a process: it takes some 40 ms each."""
    path = resources.files("packhouse.printing").joinpath("fonts", f"{name}.ttf")
    font = TTFont(name, str(path))
    pdfmetrics.registerFont(font)
    return font


def _to_file(family: str, weight: Weight) -> str:
    if family == _IDEOGRAPHS:
        return family
    return f"{family}-{weight if family in _BOLD else 'Regular'}"


def list_families() -> list[str]:
    return [*_FIRST, *dict.fromkeys(family for _, _, family in _BY_SCRIPT), _IDEOGRAPHS, *_SYMBOLS]


def _find_families(letter: str) -> Iterator[str]:
    """In the order in which they are asked for a letter."""
    code = ord(letter)
    yield BASIC
    yield from (family for first, last, family in _BY_SCRIPT if first <= code <= last)
    if 0x0590 <= code <= 0x08FF or 0xFB1D <= code <= 0xFEFF:
        yield from _FIRST[1:]
    if not _PICTURES <= code < 0x20000:
        yield _IDEOGRAPHS
    yield from _SYMBOLS


@lru_cache(maxsize=8192)
def find_font(letter: str, weight: Weight = "Regular") -> str | None:
    """None where no font has it."""
    for family in _find_families(letter):
        name = _to_file(family, weight)
        if ord(letter) in get_font(name).face.charToGlyph:
            return name
    return None


def is_mark(letter: str) -> bool:
    """Whether it is drawn with the letter before it."""
    return unicodedata.category(letter) in ("Mn", "Mc", "Me") or letter in _JOINERS or 0x1F3FB <= ord(letter) <= 0x1F3FF


@lru_cache(maxsize=8192)
def to_runs(text: str, weight: Weight) -> tuple[Run, ...]:
    """From left to right. `text` is clean, and a letter that no font has is written by its number: `U+10330`."""
    shown = "".join(_to_drawable(letter, weight) for letter in text)
    runs: list[tuple[str, str]] = []
    for letter in _to_seen(shown):
        font = _find_font_beside(letter, runs[-1][0] if runs else None, weight)
        if runs and font == runs[-1][0]:
            runs[-1] = (font, runs[-1][1] + letter)
        else:
            runs.append((font, letter))
    return tuple(_to_run(font, letters) for font, letters in runs)


def _to_drawable(letter: str, weight: Weight) -> str:
    is_drawn = letter in _JOINERS or find_font(letter, weight) is not None
    return letter if is_drawn else f"U+{ord(letter):04X}"


def _find_font_beside(letter: str, before: str | None, weight: Weight) -> str:
    """Spaces and marks stay with what they stand beside, where its font has them."""
    beside = (letter == " " and before != "NotoEmoji-Regular") or is_mark(letter)
    if before and beside and (letter in _JOINERS or ord(letter) in get_font(before).face.charToGlyph):
        return before
    return find_font(letter, weight) or _to_file(BASIC, weight)


def _to_seen(text: str) -> str:
    """From left to right. Arabic letters become the forms that they have beside each other, which every reader of the
    file knows; where a mark or a letter has none, the font's own rules join them instead."""
    if text.isascii() or not any(map(_is_rtl, text)):
        return text
    joined = str(arabic_reshaper.reshape(text))
    has_forms = not any(unicodedata.combining(letter) for letter in text) and not _UNJOINED.search(joined)
    return str(get_display(joined if has_forms else text))


def _is_rtl(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL")


def _to_run(font: str, letters: str) -> Run:
    """What runs to the left is turned back into the order in which it is read."""
    is_rtl = any(map(_is_rtl, letters))
    family = font.rpartition("-")[0] or font
    has_marks = any(map(unicodedata.combining, letters)) and family != _IDEOGRAPHS
    if not (has_marks or family not in _UNSHAPED or (is_rtl and _UNJOINED.search(letters))):
        return Run(font, re.sub(f"[{_JOINERS}]", "", letters), is_rtl, False)
    return Run(font, letters[::-1] if is_rtl else letters, is_rtl, True)


@lru_cache(maxsize=8192)
def shape(run: Run) -> Shaped:
    font, letters = _get_shaper(run.font)
    buffer = uharfbuzz.Buffer()
    buffer.add_str(run.text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if run.is_rtl else "ltr"
    uharfbuzz.shape(font, buffer)
    scale = 1000 / font.scale[0]
    x: float = 0
    glyphs = []
    for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        glyphs.append(Glyph(letters[info.codepoint], (x + place.x_offset) * scale, place.y_offset * scale))
        x += place.x_advance
    return Shaped(tuple(glyphs), x * scale, any(ord(glyph.letter) in _PRIVATE_USE for glyph in glyphs))


@cache
def _get_shaper(name: str) -> tuple[uharfbuzz.Font, dict[int, str]]:
    """The font for HarfBuzz, and for each of its glyphs a letter that ReportLab draws with it."""
    font = get_font(name)
    shaper = font.hbFont()
    face = font.face
    free = (code for code in _PRIVATE_USE if code not in face.charToGlyph)
    for glyph in range(face.numGlyphs):
        if glyph not in face.glyphToChar:
            code = next(free)
            face.charToGlyph[code] = glyph
            face.glyphToChar[glyph] = [code]
            face.charWidths[code] = shaper.get_glyph_h_advance(glyph) * 1000 / shaper.scale[0]
    return shaper, {glyph: chr(codes[0]) for glyph, codes in face.glyphToChar.items()}
