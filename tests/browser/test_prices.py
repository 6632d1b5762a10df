"""Prices in a browser: again with each weight that is typed, and the sum of a selection."""

import httpx
from playwright.sync_api import expect

from tests import make
from tests.browser.conftest import RULES, Desk, find_violations
from tests.conftest import OWNER

CSV = "option_code,max_weight_kg,price\nhouse:standard,2,5\nhouse:standard,10,7.5\nhouse:express,10,9\n"


def push(url: str) -> list[int]:
    sent = {"name": "2026", "currency": "EUR", "csv": CSV}
    assert httpx.post(f"{url}/api/packhouse/rate-tables", json=sent, auth=OWNER).status_code == 201
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    orders = [make.order(f"o-{n}", shipping_address=make.address(), shipping_details=measured) for n in range(2)]
    answer = httpx.post(f"{url}/api/v3/orders", json=orders, auth=OWNER)
    return [receipt["id"] for receipt in answer.json()["data"]]


def test_a_typed_weight_changes_the_prices(desk: Desk, served: str) -> None:
    first, second = push(served)
    page = desk.open(f"/orders/{first}", "packer")
    options = page.locator("#label select[name=option]")
    expect(options).to_contain_text("Own delivery ★ – €5.00 · cheapest")
    page.fill("#label [name='parcels/0/weight/value']", "4")
    page.press("#label [name='parcels/0/weight/value']", "Tab")
    expect(options).to_contain_text("Own delivery ★ – €7.50 · cheapest")
    page.goto(f"{served}/labels/new?orders={first}-{second}")
    expect(page.locator("#total")).to_have_text("2 labels for €10.00")
    row = f"[name='orders/{second}/weight/value']"
    page.fill(row, "4")
    page.press(row, "Tab")
    expect(page.locator("#total")).to_have_text("2 labels for €12.50")
    expect(page.locator(f"#option-{second}")).to_contain_text("€7.50")
    page.locator(f"#option-{second}").select_option("house:express")
    expect(page.locator("#total")).to_have_text("2 labels for €14.00")
    expect(page.locator(f"#option-{second}")).to_have_value("house:express")


def test_the_pages_of_prices_can_be_used_by_everybody(desk: Desk, served: str) -> None:
    push(served)
    for scheme, rules in RULES.items():
        page = desk.open("/settings/rates", color_scheme=scheme)
        for place in ("/settings/rates", "/settings/rates/new", "/settings/rates/1", "/settings/rates/1/rows/0"):
            page.goto(f"{served}{place}")
            assert find_violations(page, *rules) == [], place
