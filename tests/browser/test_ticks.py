"""In a browser: ticks are of orders, whatever place they stand at, and keys are for the order that is open."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import PROMISED_MS, Desk, find_violations, keep
from tests.browser.test_page import order, rows, send
from tests.conftest import OWNER


def tick(page: Page, number: str) -> None:
    page.locator("tbody tr", has_text=number).locator("input").check()


def expect_ticked(page: Page, *numbers: str) -> None:
    """The boxes, the count and what the buttons would send say the same."""
    expect(page.locator("tbody tr:has(input:checked) .c-number")).to_have_text(list(numbers))
    expect(page.locator("[data-selected]")).to_have_text(str(len(numbers)))
    sent = page.evaluate("new FormData(document.querySelector('#selection')).getAll('id')")
    shown = page.evaluate("[...document.querySelectorAll('tbody tr:has(input:checked)')].map((row) => row.dataset.id)")
    assert sent == shown


def test_ticks_stay_with_their_orders(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    tick(page, "N-o-1")
    page.locator(".sections a[href='/shipments']").click()
    page.wait_for_url("**/shipments")
    send(desk, order(3))  # above both: each place has another order now
    page.go_back()
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-3", "N-o-2", "N-o-1"])
    expect_ticked(page, "N-o-1")
    send(desk, order(4))
    page.reload()
    expect(page.locator("tbody .c-number")).to_have_count(4)
    expect_ticked(page, "N-o-1")
    send(desk, order(5))
    expect(page.locator("tbody .c-number")).to_have_count(5, timeout=PROMISED_MS)
    expect_ticked(page, "N-o-1")
    page.locator("tbody tr", has_text="N-o-2").locator(".c-number a").click()
    expect(page.locator("#order-title")).to_have_text("N-o-2")
    tick(page, "N-o-4")
    page.go_back()
    expect(page.locator("#order > *")).to_have_count(0)
    expect_ticked(page, "N-o-4", "N-o-1")
    page.go_forward()
    expect(page.locator("#order-title")).to_have_text("N-o-2")
    expect_ticked(page, "N-o-4", "N-o-1")
    page.goto(f"{desk.url}/shipments")
    page.go_back()
    expect_ticked(page, "N-o-4", "N-o-1")


def test_what_a_browser_ticks_by_place_does_not_count(desk: Desk) -> None:
    """As Firefox does after a reload, and others when a tab is restored."""
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    tick(page, "N-o-1")
    boxes = page.locator("tbody input[name=id]")
    assert [box.get_attribute("autocomplete") for box in boxes.all()] == ["off", "off"]
    page.evaluate("document.querySelector('tbody input[name=id]').checked = true; dispatchEvent(new Event('pageshow'))")
    expect_ticked(page, "N-o-1")


def test_each_list_has_its_own_and_a_new_visit_none(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    tick(page, "N-o-1")
    page.goto(f"{desk.url}/orders?show=all")
    expect(page.locator("tbody input:checked")).to_have_count(0)
    tick(page, "N-o-2")
    page.go_back()
    expect_ticked(page, "N-o-1")
    page.go_forward()
    expect_ticked(page, "N-o-2")
    page.locator(".sections a[href='/orders']").click()
    expect(page).to_have_url(re.compile("/orders$"))
    expect(page.locator("tbody input:checked")).to_have_count(0)


def test_an_order_that_leaves_the_list_leaves_the_selection(desk: Desk) -> None:
    [first, *_] = send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("#all").check()
    assert httpx.delete(f"{desk.url}/api/v3/orders/{first}", auth=OWNER).status_code == 204
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-2"], timeout=PROMISED_MS)
    expect_ticked(page, "N-o-2")


def list_shipped(desk: Desk) -> list[str]:
    return [
        one["external_reference_id"] for one in httpx.get(f"{desk.url}/api/v3/shipments", auth=OWNER).json()["data"]
    ]


def test_keys_are_for_the_order_that_is_open(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    tick(page, "N-o-1")
    page.locator("tbody tr", has_text="N-o-2").locator(".c-number a").click()
    expect(page.locator("#order-title")).to_have_text("N-o-2")
    assert find_violations(page) == []
    page.locator("body").press("m")
    weight = page.locator("[name='parcels/0/weight/value']")
    expect(weight).to_be_focused()
    weight.fill("2.5")
    page.keyboard.press("Escape")
    with page.context.expect_event("request", lambda asked: asked.url.endswith("/orders/print/pick-list")) as printed:
        page.keyboard.press("p")
    id = page.url.rpartition("/")[2].partition("?")[0]
    assert re.findall(r"(?:^|&)id=(\d+)", printed.value.post_data or "") == [id]
    page.bring_to_front()
    page.keyboard.press("l")
    page.wait_for_url("**/orders/*made=1*")
    assert list_shipped(desk) == ["o-2"]
    [made] = httpx.get(f"{desk.url}/api/v3/shipments", auth=OWNER).json()["data"]
    assert made["parcels"][0]["weight"]["value"] == "2.500"


def test_what_is_typed_and_not_saved_is_asked_about(desk: Desk) -> None:
    [id] = send(desk, order(1))
    page = desk.open("/orders")
    tick(page, "N-o-1")
    page.locator("tbody .c-number a").click()
    expect(page.locator("#order-title")).to_have_text("N-o-1")
    own = page.locator("[name='shipping_details/measurement/weight/value']")
    own.fill("9.5")
    page.keyboard.press("Escape")  # out of the field
    page.keyboard.press("l")
    dialog = page.locator("#unsaved")
    expect(dialog).to_contain_text("This would be left out: Weight")
    assert find_violations(page) == []
    keep(page, "unsaved")
    page.keyboard.press("Enter")
    expect(own).to_be_focused()
    assert list_shipped(desk) == []
    page.locator("[name='parcels/0/weight/value']").fill("3")
    page.locator(".selection [data-key=l]").click()  # of the selection, which this order is in
    expect(dialog).to_contain_text("This would be left out: Weight")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert list_shipped(desk) == []
    page.locator("[data-key=l-one]").click()
    dialog.locator("button", has_text="Go on without it").click()
    page.wait_for_url("**/orders/*made=1*")
    assert list_shipped(desk) == ["o-1"]
    answer = httpx.get(f"{desk.url}/api/v3/shipments", auth=OWNER).json()["data"][0]
    assert answer["parcels"][0]["weight"]["value"] == "3.000"
    assert httpx.get(f"{desk.url}/api/v3/orders/{id}", auth=OWNER).json()["data"]["shipping_details"] == {
        "measurement": {"weight": {"value": 1.5, "unit": "kg"}}
    }


def test_a_quantity_far_off_is_asked_about_where_scripts_run_too(desk: Desk) -> None:
    send(desk, order(1))
    page = desk.open("/orders")
    page.locator("tbody .c-number a").click()
    page.fill("[name='order_details/order_items/0/quantity']", "39,520")
    page.click("text=Save quantities")
    expect(page.locator("#order")).to_contain_text("You typed 39,520 where there were 2: is that right?")
    assert find_violations(page) == []
    keep(page, "asked-about")
    page.fill("[name='parcels/0/weight/value']", "99")
    page.locator("[data-key=l-one]").click()
    expect(page.locator("#unsaved")).to_contain_text("Quantity of Green tea")
    page.locator("#unsaved button", has_text="Go on").click()
    expect(page.locator("#label .sure")).to_contain_text("Yes, 99 is right")
    keep(page, "asked-about-label")
    page.locator("tbody .c-number a").click()
    expect(page.locator("#label .sure")).to_have_count(0)
    page.fill("[name='order_details/order_items/0/quantity']", "39,520")
    page.click("text=Save quantities")
    page.check("[name=sure]")
    page.click("text=Save quantities")
    expect(page.locator("#order [name=sure]")).to_have_count(0)
    expect(page.locator("[name='order_details/order_items/0/quantity']")).to_have_value("39520")
    assert rows(page) == ["N-o-1"]
    desk.complaints = [told for told in desk.complaints if "422" not in told]
