"""Packing slips and pick lists, as people and scanners read them."""

from typing import Any

import pypdfium2
import zxingcpp

from packhouse.printing import printers
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
    for told in ("Packing slip N-o-1", "2026-03-14", "Ada Visser", "Keizersgracht 12", "Tea House", "T-1", "茶杯", "7"):
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
    assert [f"Page {number} of 2" in page for number, page in enumerate(pages, 1)] == [True] * 2
    assert all(f"Tea number {n}" in "".join(pages) for n in range(40))


def test_a_pick_list_counts_articles_over_orders() -> None:
    tea, cup = make.item(sku="T-1"), make.item(name="Cup", sku="C-9", quantity=5)
    (page,) = read(printers.load("pick-list")([order(1, tea, cup), order(2, tea)]))
    assert "2 orders, 9 pieces" in page
    assert "N-o-1 × 2, N-o-2 × 2" in page
    assert page.index("C-9") < page.index("T-1")


def test_nothing_is_a_page_that_says_so() -> None:
    assert read(printers.load("pick-list")([])) == ["Nothing to do."]
