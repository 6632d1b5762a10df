"""In a browser: weights and sizes of a selection, by keyboard, without scripts, in each language."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Desk, find_violations, keep
from tests.browser.test_page import order, send


def test_a_selection_is_measured_by_keyboard(desk: Desk) -> None:
    nowhere = {name: value for name, value in order(6).items() if name != "shipping_address"}
    ids = send(desk, *(order(n) for n in range(1, 6)), nowhere)
    page = desk.open("/orders")
    page.locator("#all").check()
    page.keyboard.press("m")
    page.wait_for_url("**/labels/new**")
    expect(page.locator("h1")).to_have_text("Weights and sizes")
    expect(page.locator(f"[name='orders/{ids[0]}/weight/value']")).to_have_value("1.5")
    assert find_violations(page) == []
    keep(page, "measures")
    page.locator("[name='all/dimensions/length']").press_sequentially("30")
    page.keyboard.press("Enter")  # in a field it is not the button that makes labels
    expect(page.locator(".banner.warn")).to_contain_text("Taken over in every row")
    expect(page.locator(f"[name='orders/{ids[4]}/dimensions/length']")).to_have_value("30")
    expect(page.locator("tbody tr:nth-child(2) [name$='weight/value']")).to_be_focused()
    for id in ids:
        for side in ("width", "height"):
            page.fill(f"[name='orders/{id}/dimensions/{side}']", "20" if id != ids[0] else "")
    page.locator("button", has_text="Make labels").press("Enter")
    expect(page.locator(".banner.fault")).to_contain_text("2 orders were refused")
    expect(page.locator(f"#m{ids[0]}")).to_contain_text("Field required")
    expect(page.locator(f"#m{ids[5]}")).to_contain_text("no valid shipping address")
    assert find_violations(page) == []
    keep(page, "measures-refused")
    page.uncheck(f"[name=id][value='{ids[5]}']")
    page.fill(f"[name='orders/{ids[0]}/dimensions/width']", "20")
    page.fill(f"[name='orders/{ids[0]}/dimensions/height']", "20")
    page.locator("button", has_text="Make labels").click()
    expect(page.locator("#progress")).to_contain_text("Print 5 labels in one PDF")
    desk.complaints = [told for told in desk.complaints if "422" not in told]


@pytest.mark.parametrize("locale", ["nl-NL", "de-DE", "fr-FR"])
def test_it_fits_in_each_language_and_works_without_scripts(desk: Desk, locale: str) -> None:
    [first, *_] = send(desk, order(1), order(2))
    page = desk.open("/orders", locale=locale, java_script_enabled=False, color_scheme="dark")
    for box in page.locator("tbody [name=id]").all():
        box.check()
    page.locator("[data-key=m]").click()
    expect(page.locator(f"[name='orders/{first}/weight/value']")).to_have_value("1,5")
    keep(page, f"measures-{locale}")
    page.set_viewport_size({"width": 820, "height": 900})
    assert page.locator("body").evaluate("body => body.scrollWidth") <= 820
    keep(page, f"measures-tablet-{locale}")
    page.locator(".measured-form > .row > button").click()
    expect(page.locator("#progress")).to_contain_text("2")
