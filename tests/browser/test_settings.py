"""Start, import and settings in a browser: as axe-core sees them, and without scripts."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import make
from tests.browser.conftest import RULES, Desk, find_violations, keep
from tests.browser.test_page import NASTY, order, send
from tests.web.conftest import PASSWORD

SETTINGS = ("integrations", "integrations/1", "keys", "clients", "users", "senders", "contracts", "options", "rules",
            "rules/new", "webhooks", "deliveries", "brands", "audit")  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_other_page_has_a_violation(desk: Desk, scheme: str) -> None:
    page = desk.open("/", color_scheme=scheme)
    assert find_violations(page, *RULES[scheme]) == []  # how to send the first order
    keep(page, f"first-{scheme}")
    send(desk, order(1), order(2, shipping_address=make.address(postal_code="?")))
    for place in ("/", "/account", "/import", *(f"/settings/{name}" for name in SETTINGS)):
        page.goto(f"{desk.url}{place}")
        assert find_violations(page, *RULES[scheme]) == [], place
        keep(page, f"{place.strip('/').replace('/', '-') or 'start'}-{scheme}")
    page.goto(f"{desk.url}/settings/rules/new")
    page.fill("[name=name]", "to Germany")
    page.fill("[name='conditions/countries']", "DE")
    page.select_option("[name='actions/shipping_option_code']", "house:standard")
    page.click("text=Save rule")
    page.fill("[name=number]", "N-o-1")
    page.click("button:text-is('Try')")
    expect(page.locator(".trial")).to_contain_text("The order goes to NL; the rule is for DE.")
    assert find_violations(page, *RULES[scheme]) == []
    keep(page, f"rules-tried-{scheme}")
    page.set_viewport_size({"width": 700, "height": 1000})
    page.goto(f"{desk.url}/settings/users")
    assert find_violations(page, *RULES[scheme]) == []


def test_a_password_is_changed_by_keyboard_and_without_scripts(desk: Desk) -> None:
    page = desk.open("/orders", role="viewer", java_script_enabled=False)
    page.locator(".bar .menu summary").press("Enter")
    page.locator("text=My account").press("Enter")
    page.locator("[name=current_password]").focus()
    for typed in ("wrong-password", "a-new-long-password", "a-new-long-password"):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".told.fault")).to_have_text("This is not your password.")
    expect(page.locator("[name=current_password]")).to_have_attribute("aria-invalid", "true")
    for name, typed in (
        ("current_password", PASSWORD),
        ("password", "a-new-long-password"),
        ("again", "a-new-long-password"),
    ):
        page.fill(f"[name={name}]", typed)
    page.locator("[name=again]").press("Enter")
    expect(page.locator("[role=status]").first).to_have_text(
        "Your password is changed. Everywhere else you are signed out."
    )
    page.reload()
    expect(page.locator("h1")).to_have_text("My account")
    desk.complaints = [told for told in desk.complaints if "422" not in told]  # the wrong password, which was asked for


def test_a_key_is_made_without_scripts_and_shown_once(desk: Desk) -> None:
    page = desk.open("/settings/keys", java_script_enabled=False)
    page.fill("[name=name]", NASTY)
    page.click("button:text-is('Make a key')")
    secret = page.locator("#secret").inner_text()
    assert len(secret) > 20
    page.goto(f"{desk.url}/settings/keys")
    assert secret not in page.content()
    expect(page.locator("tbody td").filter(has_text="<img")).to_have_text([NASTY])
    page.locator("tr", has_text="<img").locator("text=Revoke …").click()
    page.locator("tr", has_text="<img").locator("button:text-is('Revoke')").click()
    expect(page.locator("h2", has_text="Revoked")).to_be_visible()


@pytest.mark.parametrize("where", [".drop", "h1"])
def test_a_file_is_dropped_anywhere_on_the_page(desk: Desk, where: str) -> None:
    page = desk.open("/import")
    make_file = """(text) => {
      const carried = new DataTransfer(); carried.items.add(new File([text], "orders.json")); return carried; }"""
    carried = page.evaluate_handle(make_file, json.dumps([order(1)]))
    page.dispatch_event(where, "dragover", {"dataTransfer": carried})
    expect(page.locator(".drop.over")).to_be_visible()
    page.dispatch_event(where, "drop", {"dataTransfer": carried})
    expect(page.locator(".drop.over")).to_have_count(0)
    page.click("text=Look through the file")
    expect(page.locator("h1")).to_have_text("orders.json")
    expect(page.locator("#created")).to_have_text("1")


def test_a_file_is_imported_and_its_progress_outlives_a_reload(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    lines = [json.dumps(order(number)) for number in range(1, 4)]
    file.write_text("\n".join([*lines, "{broken"]), "utf-8")
    page = desk.open("/import")
    page.set_input_files("[name=file]", file)
    page.click("text=Look through the file")
    expect(page.locator("#created")).to_have_text("3")
    expect(page.locator("#faults")).to_contain_text("Invalid JSON")
    assert find_violations(page) == []
    keep(page, "import-checked")
    page.click("text=Import 3 orders")
    expect(page.locator("text=Import 3 orders")).to_have_count(0)
    page.reload()
    expect(page.locator("#progress p").first).to_contain_text("imported")
    page.click("text=To the incoming orders")
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-3", "N-o-2", "N-o-1"])
