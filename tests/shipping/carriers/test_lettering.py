"""Every script is drawn as it is written, or refused with the letters that cannot be: no `?`, no empty box."""

import asyncio
import dataclasses
import io
from itertools import pairwise
from typing import Any

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from packhouse.carriers import Address, Carrier, Rejected, house, letter, post
from packhouse.kit.data import letters
from packhouse.printing import addresses, shaping, typeset
from tests.shipping.carriers.consignments import RECIPIENTS, consignment, item

NAMES = {
    "thai": "สมชาย ใจดี",
    "georgian": "გიორგი ბერიძე",
    "armenian": "Արամ Հակոբյան",
    "bengali": "রহিম আহমেদ",
    "tamil": "முருகன்",
    "hindi": "राहुल शर्मा",
    "sinhala": "ගුණසේකර",
    "khmer": "ភ្នំពេញ",
    "burmese": "မြန်မာ",
    "amharic": "አዲስ አበባ",
    "lao": "ວຽງຈັນ",
    "korean": "서울특별시 김민준",
    "japanese": "山田 太郎 カタカナ",
    "hebrew": "דוד כהן (דירה 5)",
    "arabic": "محمد بن عبد الله",
    "latin with marks": "Ọ̀ṣun e̊ x̂",
}


def draw(text: str, weight: shaping.Weight = "Regular") -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(600, 60), invariant=1)
    typeset.draw(canvas, 10, 20, typeset.clean(text), weight, 20)
    canvas.save()
    return file.getvalue()


def read(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as file:
        return str(file[0].get_textpage().get_text_range())


def count_ink(text: str) -> int:
    with pypdfium2.PdfDocument(draw(text)) as file:
        return sum(level < 128 for level in file[0].render(scale=1, grayscale=True).to_pil().tobytes())


@pytest.mark.parametrize("script", list(NAMES))
@pytest.mark.parametrize("weight", ["Regular", "Bold"])
def test_every_script_is_read_back(script: str, weight: shaping.Weight) -> None:
    assert typeset.find_undrawable(NAMES[script]) == []
    assert NAMES[script] in read(draw(NAMES[script], weight))


def has_notdef(text: str) -> bool:
    """Whether a run is drawn with the glyph that stands for what a font has not: the empty box."""
    for run in shaping.to_runs(typeset.clean(text), "Regular"):
        glyphs = shaping.get_font(run.font).face.charToGlyph
        drawn = [glyph.letter for glyph in shaping.shape(run).glyphs] if run.is_shaped else list(run.text)
        if any(not glyphs.get(ord(letter)) for letter in drawn):
            return True
    return False


@pytest.mark.parametrize("text", [*NAMES.values(), "Anna 🎁 👍🏽", "👩‍❤️‍👨 🇳🇱 ❤️ ★ ☎ ✓", "شَارِع ښار", "ශ්‍රී"])
def test_nothing_is_an_empty_box(text: str) -> None:
    assert not has_notdef(text)
    assert count_ink(text) > 20


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_drawn_or_its_letters_are_named(text: str) -> None:
    unknown = typeset.find_undrawable(text)
    assert not has_notdef(text)
    shown = "".join(run.text for run in shaping.to_runs(typeset.clean(text), "Regular"))
    assert ("?" in shown) == ("?" in text)
    assert all(f"U+{ord(letter):04X}" in shown for letter in unknown)


def test_the_list_of_letters_is_that_of_the_fonts() -> None:
    drawn = {
        chr(code)
        for family in shaping.list_families()
        for code in shaping.get_font(shaping._to_file(family, "Regular")).face.charToGlyph
        if code >= 0x20 and not 0xE000 <= code <= 0xF8FF and shaping.find_font(chr(code))
    }
    firsts, lasts = letters._read_ranges()
    listed = {chr(code) for first, last in zip(firsts, lasts, strict=True) for code in range(first, last + 1)}
    assert listed == drawn
    for letter_ in drawn:
        assert shaping.find_font(letter_, "Bold")


def test_marks_stand_on_their_letters() -> None:
    """Stacked vowels and tones of Thai take no room beside each other."""
    assert typeset.measure("ที่", size=10) == typeset.measure("ท", size=10)
    [run] = shaping.to_runs("क्ष", "Regular")
    assert len(shaping.shape(run).glyphs) == 1


def test_a_long_word_is_not_broken_between_a_letter_and_its_marks() -> None:
    lines = typeset.wrap("ที่อยู่ที่นี่" * 10, "Regular", 12, 50)
    assert len(lines) > 3
    assert not any(shaping.is_mark(line[0]) for line in lines)


def test_brackets_are_mirrored_in_what_runs_to_the_left() -> None:
    assert "".join(run.text for run in shaping.to_runs("(דירה)", "Regular")) == "(הריד)"


CARRIERS: dict[str, Carrier] = {
    "house:standard": house.OwnDelivery(),
    "sendcloud:letter": letter.Letter(),
    "post:parcel": post.Post(),
}


@pytest.mark.parametrize("option_code", list(CARRIERS))
def test_what_cannot_be_drawn_is_refused_by_its_letters(option_code: str) -> None:
    told: dict[str, Any] = {"recipient": dataclasses.replace(RECIPIENTS["polish"], name="𐌰nna", city="\U0001e900x")}
    with pytest.raises(Rejected) as refused:
        asyncio.run(CARRIERS[option_code].announce(consignment(option_code, **told)))
    assert [(fault.pointer, fault.detail) for fault in refused.value.faults] == [
        ("/data/attributes/shipping_address/name", "This cannot be printed: no font has 𐌰 (U+10330)."),
        ("/data/attributes/shipping_address/city", "This cannot be printed: no font has \U0001e900 (U+1E900)."),
    ]


def test_items_count_where_there_are_customs_papers() -> None:
    inland = consignment("post:parcel", items=[item(name="𐌰 tea")])
    assert asyncio.run(post.Post().announce(inland)).parcels
    abroad = dataclasses.replace(inland, recipient=RECIPIENTS["turkish"])
    with pytest.raises(Rejected) as refused:
        asyncio.run(post.Post().announce(abroad))
    assert [fault.title for fault in refused.value.faults] == ["Unprintable text"]


def test_a_remark_that_cannot_be_drawn_keeps_no_parcel_back() -> None:
    made = asyncio.run(house.OwnDelivery().announce(consignment("house:standard", notes="Ring 𐌰!")))
    assert "Ring U+10330!" in read(made.parcels[0].documents[0].content)


@pytest.mark.parametrize(
    "address",
    [
        Address("សុខ សុភា", "ផ្លូវ 51", "120101", "ភ្នំពេញ", "KH"),
        Address("မောင်မောင်", "ဗိုလ်ချုပ်လမ်း", "11181", "ရန်ကုန်", "MM"),
        Address("Anna Tester", "Keizersgracht", "1015 CR", "Amsterdam", "NL"),
    ],
)
def test_no_line_touches_the_next(address: Address) -> None:
    """Letters that stand upon one another take more room."""
    texts = [typeset.Text(line) for line in addresses.to_lines(address)]
    lines = typeset.fit(texts, typeset.Box(0, 0, 500, 500), 20, 20)
    for line, following in pairwise(lines):
        distance = following.height + 20 * (typeset.find_base(line.text) - typeset.find_base(following.text))
        assert find_extent(line.text)[1] + find_extent(following.text)[0] < distance, (line.text, following.text)


def find_extent(text: str) -> tuple[float, float]:
    """How far the ink reaches above and below the base line, in points at a size of 20."""
    with pypdfium2.PdfDocument(draw(text)) as made:
        image = made[0].render(scale=4, grayscale=True).to_pil()
    inked = [y for y in range(image.height) if min(image.crop((0, y, image.width, y + 1)).tobytes()) < 128]
    return 40 - inked[0] / 4, inked[-1] / 4 - 40


def test_letters_for_the_look_of_them_are_those_of_the_alphabet() -> None:
    assert typeset.clean("𝓐𝓷𝓷𝓪 𝕋𝕖𝕤𝕥") == "Anna Test"
    assert typeset.find_undrawable("𝓐𝓷𝓷𝓪") == []
