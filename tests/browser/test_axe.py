"""Pages that the other tests do not come by, as axe-core sees them: contracts, slips, shipments that are cancelled,
returns, batches, bins. Also the size of what is touched."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import make
from tests.browser.conftest import RULES, Desk, find_violations, keep
from tests.browser.test_page import order, send

UPS = {"client_id": "packer", "client_secret": "wrong", "account_number": "A1B2C3"}


class Inspector:
    """Goes from page to page and collects what axe-core objects to, targets included."""

    def __init__(self, page: Page, url: str, scheme: str) -> None:
        self.page, self.url, self.scheme = page, url, scheme
        self.found: dict[str, list[tuple[str, str]]] = {}

    def look(self, name: str) -> None:
        rules = RULES[self.scheme]
        seen = find_violations(self.page, *rules) + find_violations(self.page, "target-size")
        if seen:
            self.found[name] = seen
        keep(self.page, f"axe-{name.strip('/').replace('/', '-')}-{self.scheme}")

    def visit(self, place: str) -> None:
        self.page.goto(f"{self.url}{place}")
        self.look(place)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contracts_and_slips_have_no_violation(desk: Desk, scheme: str, tmp_path: Path) -> None:
    page = desk.open("/settings/contracts", color_scheme=scheme)
    eye = Inspector(page, desk.url, scheme)
    page.select_option("[name=carrier_code]", "ups")
    eye.look("contract-new")
    page.fill("[name='credentials/ups/client_id']", "packer")
    page.click("main form.sheet-form button")
    expect(page.locator(".told.fault").first).to_have_text("The carrier needs this.")
    eye.look("contract-refused")
    for name, text in UPS.items():
        page.fill(f"[name='credentials/ups/{name}']", text)
    page.click("main form.sheet-form button")
    eye.look("contracts-list")
    page.locator("td a", has_text="UPS").click()
    eye.look("contract")
    desk.complaints = [told for told in desk.complaints if "422" not in told]  # the browser's own line of the refusal
    for place in ("/settings/slips", "/settings/benches", "/settings/privacy", "/settings/brands"):
        eye.visit(place)
    page.goto(f"{desk.url}/settings/slips")
    strange = tmp_path / "logo.png"
    strange.write_bytes(b"GIF89a")
    page.set_input_files("[name=logo]", strange)
    page.click("main form.sheet-form button")
    expect(page.locator(".told.fault")).to_have_text("This is no PNG or JPEG that can be read.")
    eye.look("slips-refused")
    desk.complaints = [told for told in desk.complaints if "422" not in told]
    assert eye.found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shipments_returns_and_batches_have_no_violation(desk: Desk, scheme: str) -> None:
    send(desk, order(1), order(2), order(3, shipping_address=make.address(postal_code="?")))
    page = desk.open("/orders", color_scheme=scheme)
    eye = Inspector(page, desk.url, scheme)
    page.locator("tbody .c-number a", has_text="N-o-2").click()
    page.locator("#order form[action$='/label'] button").first.click()
    expect(page.locator("#order")).to_contain_text("Next order")
    eye.look("label-after")
    eye.visit("/shipments")
    page.locator("a[href^='/returns/new']").first.click()
    expect(page.locator("h1")).to_be_visible()
    eye.look("return-new")
    eye.visit("/shipments")
    page.locator("tbody input[type=checkbox]").first.check()
    eye.look("shipments-ticked")
    page.locator("button[formaction='/shipments/cancel']").first.click()
    expect(page.locator("h1")).to_contain_text("Cancel")
    eye.look("cancel")
    eye.visit("/returns")
    eye.visit("/pack")
    page.locator("form[action='/pack/bench'] button").first.click()
    eye.visit("/settings/benches/1")
    eye.visit("/pack?choose=1")
    eye.visit("/pack/batches")
    page.locator("form[action='/pack/batches'] button").last.click()
    expect(page.locator("h1")).to_be_visible()
    eye.look("batch-taken")
    eye.visit("/pack/bins")
    page.set_viewport_size({"width": 390, "height": 844})
    for place in ("/orders", "/orders/2", "/shipments", "/settings/contracts", "/settings/slips", "/pack/batches"):
        page.goto(f"{desk.url}{place}")
        eye.look(f"phone-{place}")
    assert eye.found == {}
