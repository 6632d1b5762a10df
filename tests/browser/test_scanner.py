"""In a browser: a scanner beside the page, which types as quickly as nobody does and ends in Enter."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Desk
from tests.browser.test_page import order, send
from tests.conftest import OWNER

# Holds every shortcut of the page.
CODE = "plx m/j?k-12"


def scan(page: Page, text: str, end: str = "Enter") -> None:
    page.keyboard.type(text, delay=3)
    page.keyboard.press(end)


def count_labels(desk: Desk) -> int:
    answer = httpx.get(f"{desk.url}/api/v3/shipments", auth=OWNER)
    return len(answer.json()["data"])


PLACES = {
    "body": "/orders",
    "#all": "/orders",
    "tbody input[name=id]": "/orders",
    ".selection button[data-key=l]": "/orders",
    ".filters [name=show]": "/orders",
    ".filters [name=from]": "/orders",
    "#search": "/orders?q=before",
    "tbody .c-number a": "/orders",
    "#keys button": "/orders",
    "[name='order_details/order_items/0/quantity']": "/orders/{id}",
    "[name='order_details/notes']": "/orders/{id}",
    "[name='parcels/0/weight/value']": "/orders/{id}",
    "[name='parcels/0/weight/unit']": "/orders/{id}",
    "[data-key=l-one]": "/orders/{id}",
    "[name='all/weight/value']": "/labels/new?orders={id}",
    ".measured-form > .row > button": "/labels/new?orders={id}",
    ".where summary": "/shipments",
    "[name=name]": "/settings/rules/new",
}


@pytest.mark.parametrize("focused", PLACES)
def test_a_scan_goes_to_the_search_wherever_the_focus_is(desk: Desk, focused: str) -> None:
    send(desk, order(1, order_number=CODE), order(2), order(3))
    ids = send(desk, order(1, order_number=CODE), order(2))
    asked = {"integration_id": 1, "order": {"order_id": "o-3", "apply_shipping_rules": False}}
    assert httpx.post(f"{desk.url}/api/v3/orders/create-label-sync", json=asked, auth=OWNER).status_code < 300
    before = [httpx.get(f"{desk.url}/api/v3/orders/{id}", auth=OWNER).json()["data"] for id in ids]
    page = desk.open("/orders")
    page.goto(f"{desk.url}{PLACES[focused].format(id=ids[1])}")
    if focused.startswith(".selection"):
        page.locator("tbody tr", has_text="N-o-2").locator("input").check()
    if focused.startswith("#keys"):
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
    if focused != "body":
        page.locator(focused).first.focus()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if "/orders/options" not in request.url else None)
    scan(page, CODE)
    page.wait_for_url(re.compile(r"q=plx"))
    expect(page.locator("#search")).to_have_value(CODE)
    assert set(sent) == {"GET"}
    assert count_labels(desk) == 1
    assert [httpx.get(f"{desk.url}/api/v3/orders/{id}", auth=OWNER).json()["data"] for id in ids] == before


def test_a_field_is_as_before_where_the_page_stays(desk: Desk) -> None:
    """The answer to the search is held back, so that it can be looked at what the scan left."""
    [id] = send(desk, order(1))
    page = desk.open(f"/orders/{id}")
    page.fill("[name='order_details/notes']", "ring twice")
    page.fill("[name='parcels/0/weight/value']", "2")
    page.route(re.compile(r"/orders\?q="), lambda route: route.fulfill(status=204))
    for name in ("order_details/notes", "parcels/0/weight/value", "order_details/order_items/0/quantity"):
        field = page.locator(f"[name='{name}']")
        was = field.input_value()
        field.focus()
        page.keyboard.press("End")
        scan(page, "8712345 l 6")
        expect(page.locator("#search")).to_have_value("8712345 l 6")
        expect(field).to_have_value(was)
        page.fill("#search", "")
    for selector in ("[name='parcels/0/weight/unit']", "[name=option]", ".filters [name=country]"):
        field = page.locator(selector).first
        was = field.input_value()
        field.focus()
        scan(page, "lbs oz 1234567", "Tab")
        expect(page.locator("#search")).to_have_value("lbs oz 1234567")
        expect(field).to_have_value(was)
        page.fill("#search", "")
    box = page.locator("tbody input[name=id]")
    box.focus()
    scan(page, "  x x  1")
    expect(page.locator("#search")).to_have_value("x x  1")
    expect(box).not_to_be_checked()


def test_what_is_typed_by_hand_stays_what_it_is(desk: Desk) -> None:
    """Quickly, but as nobody's scanner: shortcuts act a moment later, fields and boxes take what they are given."""
    [id, _] = send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.keyboard.type("jxjx", delay=3)
    expect(page.locator(".selection")).to_contain_text("2 selected")
    page.locator("tbody input[name=id]").first.focus()
    page.keyboard.press("Space")
    expect(page.locator(".selection")).to_contain_text("1 selected")
    page.locator(".filters [name=show]").focus()
    page.keyboard.type("sh", delay=3)
    expect(page).to_have_url(re.compile("show=shipped"))
    page.goto(f"{desk.url}/orders/{id}")
    page.locator("[name='order_details/tags']").focus()
    page.keyboard.type("gift", delay=80)
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    expect(page.locator(".facts .tag")).to_have_text("gift")


def test_the_only_order_that_is_found_is_opened(desk: Desk) -> None:
    send(desk, order(1, order_number="PH-1048"), order(2, order_number="PH-10482"), order(3), order(4))
    page = desk.open("/orders?q=Visser")
    while page.locator("tbody .c-number").count() < 4:  # the worker has not indexed them all
        page.wait_for_timeout(100)
        page.reload()
    page.goto(f"{desk.url}/orders")
    for text, opened in (("N-o-3", "N-o-3"), ("ph-1048", "PH-1048"), ("PH-10482", "PH-10482")):
        scan(page, text)
        expect(page.locator("#order-title")).to_have_text(opened)
        expect(page.locator("#list")).to_be_visible()
        expect(page.locator("tr.open")).to_contain_text(opened)
        expect(page).to_have_url(re.compile(r"/orders/\d+\?q="))
    scan(page, "Visser")  # all of them
    expect(page.locator("tbody .c-number")).to_have_count(4)
    page.wait_for_timeout(300)
    expect(page.locator("#order > *")).to_have_count(0)
    scan(page, "nobody")
    expect(page.locator("body")).to_contain_text("Nothing found")


def test_the_end_of_a_scan_that_the_page_before_began_does_nothing(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("tbody input[name=id]").first.check()
    scan(page, "9l")
    page.wait_for_timeout(300)
    assert page.url.endswith("/orders")
    assert count_labels(desk) == 0


def test_two_ends_of_one_scan_are_one(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.keyboard.press("j")
    page.wait_for_timeout(200)
    page.route(re.compile(r"/orders\?q="), lambda route: route.fulfill(status=204))
    scan(page, "N-o-2")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    expect(page.locator("#order > *")).to_have_count(0)


def test_a_password_that_a_program_types_comes_into_no_address(desk: Desk) -> None:
    page = desk.open("/orders")
    page.context.clear_cookies()
    page.goto(f"{desk.url}/sign-in")
    page.focus("[name=email]")
    scan(page, "ada@example.com", "Tab")
    scan(page, "correct-horse-battery")
    page.wait_for_url("**/orders")
    page.goto(f"{desk.url}/account")
    page.locator("[type=password]").first.focus()
    scan(page, "correct-horse-battery", "Tab")
    page.wait_for_timeout(200)
    assert page.url == f"{desk.url}/account"
    assert not [url for url in desk.asked if "horse" in url]
