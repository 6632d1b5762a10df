"""Packing slips and pick lists, as people and scanners read them."""

import io
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from packhouse.kit import errors
from packhouse.printing import printers
from packhouse.shipping.slips import words
from packhouse.shipping.slips.logo import read_logo
from packhouse.shipping.slips.schema import Design
from tests import make


def read(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(content) as file:
        return [page.get_textpage().get_text_range() for page in file]


def order(number: int, *items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return make.order(
        f"o-{number}", order_details={"order_items": list(items)}, shipping_address=make.address(), **changes
    )


def print_slips(*orders: dict[str, Any]) -> bytes:
    made: bytes = printers.load("packing-slips")(orders, make.address(name="Tea House"))
    return made


def test_a_slip_tells_what_is_in_the_box_and_no_price() -> None:
    tea = make.item(sku="T-1", properties={"size": "L"})
    (page,) = read(print_slips(order(1, tea, make.item(name="茶杯", quantity=7))))
    for told in ("Pakbon N-o-1", "14 maart 2026", "Ada Visser", "Keizersgracht 12", "Tea House", "T-1", "茶杯", "7"):
        assert told in page, told
    assert "Green tea (size: L)" in page
    assert "25" not in page


def test_each_order_has_a_slip_with_its_number_as_qr() -> None:
    made = print_slips(order(1, make.item()), order(2, make.item()))
    with pypdfium2.PdfDocument(made) as file:
        images = [page.render(scale=200 / 72).to_pil().convert("L") for page in file]
    found = [[(code.symbology_identifier, code.text) for code in zxingcpp.read_barcodes(image)] for image in images]
    assert found == [[("]Q1", "N-o-1")], [("]Q1", "N-o-2")]]


def test_many_items_take_more_pages() -> None:
    pages = read(print_slips(order(1, *(make.item(name=f"Tea number {n}") for n in range(40)))))
    assert [f"Pagina {number} van 2" in page for number, page in enumerate(pages, 1)] == [True] * 2
    assert all(f"Tea number {n}" in "".join(pages) for n in range(40))


def test_a_pick_list_counts_articles_over_orders() -> None:
    tea, cup = make.item(sku="T-1"), make.item(name="Cup", sku="C-9", quantity=5)
    (page,) = read(printers.load("pick-list")([order(1, tea, cup), order(2, tea)]))
    assert "2 orders, 9 pieces" in page
    assert "N-o-1 × 2, N-o-2 × 2" in page
    assert page.index("C-9") < page.index("T-1")


def test_nothing_is_a_page_that_says_so() -> None:
    assert read(printers.load("pick-list")([])) == ["Nothing to do."]


def to(country_code: str, postal_code: str = "", tags: tuple[str, ...] = ()) -> dict[str, Any]:
    address = make.address(country_code=country_code, postal_code=postal_code)
    return {"shipping_address": address, "order_details": {"tags": list(tags)}}


def test_the_language_follows_the_country_and_a_tag() -> None:
    told = {
        "nl": [to("NL"), to("BE", "9000"), to("FR", tags=("gift", "Packhouse:Language-NL"))],
        "de": [to("DE"), to("AT"), to("CH", "8001"), to("BE", "4700")],
        "fr": [to("FR"), to("LU"), to("BE", "5000"), to("BE", "1000"), to("CH", "1201")],
        "it": [to("IT"), to("CH", "6900")],
        "es": [to("ES")],
        "pl": [to("PL"), to("SE"), to("NL", tags=("packhouse:language-pl", "packhouse:language-xx"))],
    }
    for language, orders in told.items():
        assert {words.find_language(order, "pl") for order in orders} == {language}
    assert words.find_language({"shipping_address": None}) == "en"


def test_every_language_says_all_of_a_slip() -> None:
    cash = {"payment_details": {"is_cash_on_delivery": True, "total_price": {"value": "12.50", "currency": "EUR"}}}
    for code, told in words.LANGUAGES.items():
        tagged = order(1, make.item(sku="T-1"), make.item(name="Cup", quantity=7), **cash)
        tagged["order_details"]["tags"] = [f"packhouse:language-{code}"]
        (page,) = read(print_slips(tagged))
        shown = (
            told.title.format(number="N-o-1"),
            told.quantity,
            told.sku,
            told.article,
            told.page.format(number=1, of=1),
        )
        for text in (*shown, words.to_pieces(told, 9), "2026", "12.50 EUR"):
            assert text in page, (code, text, page)


def draw_logo(mode: str = "RGBA", size: tuple[int, int] = (900, 300), format: str = "PNG") -> bytes:
    image = Image.new(mode, size, "white")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2, size[1]), fill="red")
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()


def test_a_slip_has_the_logo_and_the_text_in_the_language() -> None:
    design = Design({"nl": "Dank u wel!\n\nVragen? 020", "en": "Thanks!"}, "en", "x", read_logo(draw_logo()).content)
    orders = [order(1, make.item()), order(2, make.item())]
    orders[1]["shipping_address"] = make.address(country_code="SE", postal_code="111 22")
    shop = orders[0]["order_details"]["integration"]["id"]
    made = printers.load("packing-slips")(orders, make.address(name="Tea House"), {shop: design})
    first, second = read(made)
    assert all(text in first for text in ("Pakbon N-o-1", "14 maart 2026", "Dank u wel!", "Vragen? 020"))
    assert all(text in second for text in ("Packing slip N-o-2", "14 March 2026", "Thanks!"))
    with pypdfium2.PdfDocument(made) as file:
        image = file[0].render(scale=1).to_pil().convert("RGB")
    assert image.getpixel((50, 30)) == (255, 0, 0)
    assert [code.text for code in zxingcpp.read_barcodes(image.resize((1800, 2526)))] == ["N-o-1"]


def test_a_long_text_of_the_shop_takes_no_item_away() -> None:
    design = Design({"nl": "\n\n".join(f"Regel {number}: " + "veel dank. " * 20 for number in range(9))}, "nl")
    wanted = order(1, *(make.item(name=f"Tea number {n}") for n in range(26)))
    pages = read(printers.load("packing-slips")([wanted], None, {wanted["order_details"]["integration"]["id"]: design}))
    assert all(f"Tea number {n}" in "".join(pages) for n in range(26))
    assert all(f"Regel {number}:" in pages[-1] for number in range(9))


def test_a_logo_is_drawn_anew_and_small() -> None:
    jpeg = read_logo(draw_logo("RGB", (3000, 1000), "JPEG"))
    assert (jpeg.width, jpeg.height) == (1200, 400)
    with Image.open(io.BytesIO(jpeg.content)) as drawn:
        assert (drawn.format, drawn.mode, drawn.info) == ("PNG", "RGB", {})
    assert read_logo(draw_logo("P", (40, 40))).width == 40


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"<svg/>", draw_logo()[:200], draw_logo("1", (4001, 4000)), b"\x89PNG" + b"x" * 2_100_000],
    ids=["empty", "gif", "svg", "broken", "pixels", "bytes"],
)  # fmt: skip
def test_what_is_no_logo_is_refused(content: bytes) -> None:
    with pytest.raises(errors.Invalid) as refusal:
        read_logo(content)
    assert [fault.parameter for fault in refusal.value.faults] == ["logo"]
