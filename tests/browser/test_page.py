"""The page in a browser: by keyboard, with orders that arrive, without scripts, and as axe-core sees it."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests import make
from tests.browser.conftest import PROMISED_MS, RULES, Desk, find_violations, keep
from tests.conftest import OWNER, SHOP

NASTY = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"


def send(desk: Desk, *orders: dict[str, Any]) -> list[int]:
    answer = httpx.post(f"{desk.url}/api/v3/orders", json=list(orders), auth=OWNER)
    assert answer.status_code == 200, answer.text
    return [receipt["id"] for receipt in answer.json()["data"]]


def order(number: int, **changes: Any) -> dict[str, Any]:
    details = {"order_created_at": f"2026-03-14T08:{number:02}:00Z"}
    measured = {"measurement": {"weight": {"value": 1.5, "unit": "kg"}}}
    plain = {"shipping_address": make.address(), "shipping_details": measured}
    return make.order(f"o-{number}", order_details=details, **{**plain, **changes})


def rows(page: Page) -> list[str]:
    return page.locator("tbody .c-number a").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_violation(desk: Desk, scheme: str) -> None:
    wrong = order(1, shipping_address=make.address(postal_code="nowhere", country_code="CH"))
    [first, *_] = send(desk, wrong, order(2), order(3))
    page = desk.open("/orders", color_scheme=scheme)
    for name, place in {
        "orders": "/orders",
        "order": f"/orders/{first}",
        "nothing": "/orders?q=nothing",
        "shipments": "/shipments",
        "missing": "/missing",
    }.items():
        page.goto(f"{desk.url}{place}")
        assert find_violations(page, *RULES[scheme]) == [], place
        keep(page, f"{name}-{scheme}")
    page.set_viewport_size({"width": 820, "height": 1180})
    page.goto(f"{desk.url}/orders/{first}")
    assert not page.locator("#list").is_visible()
    assert find_violations(page, *RULES[scheme]) == []
    keep(page, f"order-tablet-{scheme}")
    page.context.clear_cookies()
    page.goto(f"{desk.url}/sign-in")
    assert find_violations(page, *RULES[scheme]) == []
    keep(page, f"sign-in-{scheme}")
    desk.complaints = [told for told in desk.complaints if "404" not in told]  # the missing page, which was asked for


def test_the_keyboard_does_it_all(desk: Desk) -> None:
    send(desk, order(1), order(2), order(3))
    page = desk.open("/orders")
    for key in "jjx":
        page.keyboard.press(key)
    expect(page.locator("tr.here .c-number")).to_have_text("N-o-2")
    expect(page.locator(".selection")).to_contain_text("1 selected")
    page.keyboard.press("Enter")
    expect(page.locator("#order-title")).to_have_text("N-o-2")
    expect(page.locator("tr.open .c-number")).to_have_text("N-o-2")
    expect(page).to_have_url(re.compile(r"/orders/\d+"))
    assert page.locator("#list").is_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("o-3")
    page.keyboard.press("Enter")
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-3"])
    page.keyboard.press("Control+a")
    page.locator("body").click(position={"x": 700, "y": 400})


def test_new_orders_appear_and_the_selection_stays(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("tbody tr", has_text="N-o-1").locator("input").check()
    expect(page.locator("#incoming")).to_have_text("2")
    assert page.locator(".filters .range").inner_text().split() == ["Placed", "–"]
    send(desk, order(3))
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-3", "N-o-2", "N-o-1"], timeout=PROMISED_MS)
    expect(page.locator("#incoming")).to_have_text("3")
    expect(page.locator("tbody tr", has_text="N-o-1").locator("input")).to_be_checked()
    expect(page.locator(".selection")).to_contain_text("1 selected")


def test_a_label_is_made_by_l(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("#all").check()
    page.keyboard.press("l")
    page.wait_for_url("**/labels**")
    expect(page.locator("#progress")).to_contain_text("Print 2 labels in one PDF")
    keep(page, "labels")
    page.reload()
    expect(page.locator("#progress")).to_contain_text("2 of 2")


def test_an_edit_answers_at_its_field(desk: Desk) -> None:
    send(desk, order(1))
    page = desk.open("/orders")
    page.locator("tbody .c-number a").click()
    page.locator("#order summary").click()
    field = page.locator("[name='shipping_address/country_code']")
    field.select_option("")
    page.click("text=Save address")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("label:has([name='shipping_address/country_code']) .fault")).not_to_be_empty()
    field.select_option("BE")
    page.click("text=Save address")
    expect(page.locator("#order address").first).to_contain_text("Belgium")
    desk.complaints = [told for told in desk.complaints if "422" not in told]


def test_it_reads_and_changes_without_scripts(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders", java_script_enabled=False)
    page.locator("tbody .c-number a").first.click()
    expect(page.locator("#order-title")).to_have_text("N-o-2")
    page.fill("[name='order_details/notes']", "by hand")
    page.locator("text=Save").last.click()
    assert page.locator("[name='order_details/notes']").input_value() == "by hand"
    page.locator("[data-close]").click()
    page.select_option("[name=country]", "NL")
    page.locator("noscript button, .filters button").first.click()
    assert rows(page) == ["N-o-2", "N-o-1"]
    page.locator("tbody input").first.check()
    page.click("text=Make labels")
    expect(page.locator("#progress")).to_contain_text("Print 1 label")


def test_hostile_orders_are_shown_as_text(desk: Desk) -> None:
    address = make.address(name=NASTY, city=NASTY, company_name=NASTY)
    [id] = send(desk, order(1, order_number=NASTY, shipping_address=address))
    page = desk.open("/orders")
    expect(page.locator("tbody .c-number")).to_have_text([NASTY])
    page.goto(f"{desk.url}/orders/{id}")
    expect(page.locator("#order-title")).to_have_text(NASTY)
    assert page.title() != "broken"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_kept_is_told_by_itself(desk: Desk, scheme: str) -> None:
    [first, _] = send(desk, order(1), order(2))
    page = desk.open("/orders", color_scheme=scheme)
    for tick in page.locator("tbody input[type=checkbox]").all():
        tick.check()
    page.click(".selection .danger")
    expect(page.locator("form.notice")).to_contain_text("2 orders are being deleted")
    change = {"order_details": {"notes": "wait"}}
    assert httpx.patch(f"{desk.url}/api/v3/orders/{first}", json=change, auth=OWNER).status_code == 200
    expect(page.locator(".left-out")).to_contain_text("N-o-1: it was changed meanwhile", timeout=30_000)
    assert rows(page) == ["N-o-1"]
    assert find_violations(page, *RULES[scheme]) == []
    keep(page, f"left-out-{scheme}")
    page.locator(".left-out button").press("Enter")
    expect(page.locator(".left-out")).to_have_count(0)


def test_a_deletion_is_undone_also_after_a_reload(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("tbody tr", has_text="N-o-1").locator("input").check()
    page.locator(".selection button.danger").click()
    expect(page.locator("form.notice")).to_contain_text("1 order is being deleted")
    expect(page.locator("tr.leaving .c-number")).to_have_text("N-o-1")
    page.reload()
    assert find_violations(page) == []
    page.locator("form.notice button").click()
    expect(page.locator("form.notice")).to_have_count(0)
    assert rows(page) == ["N-o-2", "N-o-1"]
    page.locator("tbody tr", has_text="N-o-2").locator("input").check()
    page.locator(".selection button.danger").click()
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-1"])  # the list hears of it


def test_a_selection_is_shipped_with_the_option_that_is_chosen_and_printed(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("#all").check()
    choice = page.locator("#options select")
    expect(choice.locator("option").first).to_contain_text("the account's default")
    keep(page, "selection")
    choice.select_option("post:express")
    page.locator("[data-key=l]").click()
    expect(page.locator("#progress")).to_contain_text("Print 2 labels in one PDF")
    # The frame gets nothing: a PDF that is still loading when the page is closed brings playwright's driver down.
    page.route("**/labels/print**", lambda route: route.fulfill(status=204))
    with page.expect_request("**/labels/print**") as asked:
        page.locator("[data-print]").click()
    assert asked.value.frame != page.main_frame
    printed = page.context.request.get(asked.value.url)
    assert (printed.status, printed.headers["content-type"]) == (200, "application/pdf")
    answer = httpx.get(f"{desk.url}/api/v3/shipments", auth=OWNER).json()["data"]
    assert {one["ship_with"]["properties"]["shipping_option_code"] for one in answer} == {"post:express"}


def test_an_order_is_split_into_parcels(desk: Desk) -> None:
    [id] = send(desk, order(1))
    page = desk.open(f"/orders/{id}")
    page.locator("text=Split into 2 parcels").click()
    page.fill("[name='parcels/0/items/0']", "1")
    page.fill("[name='parcels/1/items/0']", "3")
    page.locator("[data-key=l-one]").click()
    expect(page.locator("#label .fault")).to_contain_text("More than was ordered")
    assert find_violations(page) == []
    page.fill("[name='parcels/1/items/0']", "1")
    page.locator("[data-key=l-one]").click()
    expect(page.locator(".banner-made")).to_contain_text("2 labels made")
    desk.complaints = [told for told in desk.complaints if "422" not in told]


def test_what_takes_long_is_seen_to_be_on_its_way(desk: Desk) -> None:
    send(desk, order(1))
    page = desk.open("/orders")
    underway = "getComputedStyle(document.querySelector('.bar'), '::after').animationName"
    assert page.evaluate(underway) == "none"
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/orders/\d+"), hold)
    page.click("tbody .c-number a")
    expect(page.locator("body:has(.htmx-request)")).to_be_visible()
    assert page.evaluate(underway) == "underway"
    while not held:  # the browser's side may be seen before this one is told
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(page.locator("#order-title")).to_be_visible()
    assert page.evaluate(underway) == "none"


def test_where_a_parcel_is_is_said_without_scripts(desk: Desk) -> None:
    send(desk, order(1))
    asked = {"integration_id": SHOP, "order": {"order_id": "o-1"}}
    assert httpx.post(f"{desk.url}/api/v3/orders/create-label-sync", json=asked, auth=OWNER).status_code < 300
    page = desk.open("/shipments", java_script_enabled=False)
    assert page.locator(".filters .range").inner_text().split() == ["Made", "–"]
    page.click(".where summary")
    page.select_option(".where select", "11")
    page.click(".where button")
    expect(page.locator(".where summary")).to_have_text("Delivered")
    keep(page, "shipments-where")


def test_p_prints_the_pick_list_of_the_selection(desk: Desk) -> None:
    send(desk, order(1), order(2))
    page = desk.open("/orders")
    for key in "jxjx":
        page.keyboard.press(key)
    with page.context.expect_event("response", lambda answer: answer.url.endswith("/orders/print/pick-list")) as asked:
        page.keyboard.press("p")
    assert (asked.value.status, asked.value.headers["content-type"]) == (200, "application/pdf")


def test_being_offline_and_in_trouble_is_told(desk: Desk) -> None:
    send(desk, order(1))
    page = desk.open("/orders")
    page.context.set_offline(offline=True)
    expect(page.locator("#offline")).to_be_visible()
    page.context.set_offline(offline=False)
    expect(page.locator("#offline")).to_be_hidden()
    page.route("**/orders?**", lambda route: route.fulfill(status=503, body="busy"))
    page.select_option("[name=show]", "shipped")
    expect(page.locator("#trouble")).to_be_visible()
    assert rows(page) == ["N-o-1"]
    desk.complaints = [told for told in desk.complaints if not re.search("503|INTERNET_DISCONNECTED|ERR_", told)]


# What a table is cut off by: it is wider than the place it is shown in, where nobody can scroll to the rest.
CUT_OFF = """[...document.querySelectorAll(".list table, .settings-page table, .import table")].map((table) =>
  table.getBoundingClientRect().right - table.parentElement.getBoundingClientRect().right)"""
# How far filters stick out of their form.
STICKING_OUT = """[...document.querySelectorAll(".filters :is(input, select, button)")].map((field) =>
  field.getBoundingClientRect().right - field.form.getBoundingClientRect().right)"""


@pytest.mark.parametrize("locale", ["nl-NL", "de-DE", "fr-FR"])
def test_longer_words_fit_and_are_read_in_their_language(desk: Desk, locale: str) -> None:
    long = make.address(name="Maximiliane von Hohenzollern-Sigmaringen", postal_code="nowhere")
    [first, *_] = send(desk, order(1), order(2, shipping_address=long), order(3, shipping_address=long))
    asked = {"integration_id": SHOP, "order": {"order_id": "o-3", "apply_shipping_rules": False}}
    assert httpx.post(f"{desk.url}/api/v3/orders/create-label-sync", json=asked, auth=OWNER).status_code < 300
    page = desk.open("/orders", locale=locale)
    for place in ("/", "/orders", f"/orders/{first}?parcels=3", "/shipments", "/import", "/settings/options"):
        page.goto(f"{desk.url}{place}")
        for width in (1440, 820, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (place, width)
            assert width < 600 or all(over <= 0 for over in page.evaluate(CUT_OFF)), (place, width)
            # On a phone the filters are a strip that is pushed sideways.
            assert width < 600 or all(over <= 0 for over in page.evaluate(STICKING_OUT)), (place, width)
            shown = page.locator("td.c-country:visible").all_inner_texts()
            assert set(shown) <= {"NL"}
            cut = "[...document.querySelectorAll('td.c-country')].some((td) => td.scrollWidth > td.clientWidth)"
            assert not page.evaluate(cut), (place, width)
        assert page.get_attribute("html", "lang") == locale
        assert find_violations(page) == []
