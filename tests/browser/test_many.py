"""The selection beyond a page, what is typed and not stored, and the list on a phone, in a real browser."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Desk, find_violations
from tests.browser.test_page import order, send
from tests.web.conftest import EMAILS, PASSWORD


def test_shift_and_all_found_select_beyond_the_page(desk: Desk) -> None:
    send(desk, *map(order, range(55)))
    page = desk.open("/orders?size=50")
    boxes = page.locator("tbody input[name=id]")
    boxes.nth(1).click()
    boxes.nth(6).click(modifiers=["Shift"])
    expect(page.locator("[data-selected]")).to_have_text("6")
    page.locator("#all").click()
    page.locator("[data-all-found]").click()
    expect(page.locator("[data-selected]")).to_have_text("55")
    page.locator("[data-key=e]").click()
    expect(page.locator("h1")).to_have_text("Edit 55 orders")
    assert find_violations(page) == []


def test_what_is_typed_comes_back_and_is_discarded(desk: Desk) -> None:
    send(desk, order(1))
    page = desk.open("/orders")
    page.locator("tbody .c-number a").click()
    expect(page.locator("#order-title")).to_be_focused()
    page.locator("#order summary").click()
    page.fill("[name='shipping_address/name']", "Typed and not stored")
    here = page.url
    page.context.clear_cookies(name=re.compile("session"))  # the session ends
    page.click("text=Save address")
    page.wait_for_url("**/sign-in**")
    page.fill("[name=email]", EMAILS["owner"])
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.goto(here)
    expect(page.locator("#restored")).to_be_visible()
    expect(page.locator("[name='shipping_address/name']")).to_have_value("Typed and not stored")
    page.locator("[data-discard]").click()
    expect(page.locator("#restored")).to_be_hidden()
    expect(page.locator("[name='shipping_address/name']")).not_to_have_value("Typed and not stored")
    desk.complaints = [told for told in desk.complaints if "401" not in told]


def test_an_order_is_shipped_printed_and_the_next_one_opened(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("tbody .c-number a").first.click()
    page.locator("[data-key=l-one]").click()
    expect(page.locator(".banner-made")).to_contain_text("Label made")
    page.locator("[data-key=next]").click()
    expect(page.locator(".banner-made")).to_have_count(0)
    expect(page.locator("#order-title")).to_be_visible()


def test_on_a_phone_the_list_is_cards_and_the_bar_is_at_the_thumb(desk: Desk) -> None:
    send(desk, *map(order, range(12)))
    page = desk.open("/orders", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.locator("tbody input[name=id]").first.tap()
    bar = page.locator(".selection").bounding_box()
    assert bar is not None
    assert bar["y"] + bar["height"] == 844
    assert bar["y"] > 740
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = "[...document.querySelectorAll('#list a, #list button, #list select, .sections a')]"
    small += ".filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"
    assert page.evaluate(small) == []
    assert find_violations(page) == []
