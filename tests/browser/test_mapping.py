"""In a browser: the columns of a strange file are named, its orders seen at once and imported; exports are brought."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Desk, find_violations, keep
from tests.browser.test_page import order, send
from tests.web.test_mapping_page import CHOSEN, HEADER, ROWS

CONTENT = "\n".join([HEADER, *ROWS, ""]).encode("cp1252")


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_strange_file_is_mapped_and_imported(desk: Desk, has_scripts: bool) -> None:
    page = desk.open("/import", java_script_enabled=has_scripts)
    page.set_input_files("[name=file]", {"name": "liste.csv", "mimeType": "text/csv", "buffer": CONTENT})
    page.select_option("[name=shop]", index=1)
    page.locator("button", has_text="Look through the file").click()
    expect(page.locator("h1")).to_have_text("Columns of liste.csv")
    for name, field in CHOSEN.items():
        page.get_by_label(name, exact=True).select_option(field)
    if not has_scripts:
        page.locator("button", has_text="Show the first orders").click()
    expect(page.locator("#looked tbody tr")).to_have_count(2)
    expect(page.locator("#looked tbody tr").first).to_contain_text("Jürgen")
    expect(page.locator("#looked .fault")).to_contain_text("Stk: ")
    if has_scripts:
        assert find_violations(page) == []
        page.set_viewport_size({"width": 1280, "height": 1400})
        keep(page, "columns")
    page.locator("button", has_text="Look through the file").click()
    page.wait_for_url(lambda url: not url.endswith("/columns"))
    while "nothing stored yet" not in (page.locator("#progress").text_content() or ""):
        page.wait_for_timeout(200)
        page.reload()
    page.locator("button", has_text="Import 1 order").click()
    # Without scripts the page stays as it is sent, which may be after the import.
    done = re.compile("To the incoming orders" if has_scripts else "being imported|To the incoming orders")
    expect(page.locator("#progress")).to_contain_text(done)


def test_another_preset_fills_the_form_and_what_was_chosen_is_kept(desk: Desk) -> None:
    page = desk.open("/import")
    page.set_input_files("[name=file]", {"name": "liste.csv", "mimeType": "text/csv", "buffer": CONTENT})
    page.locator("button", has_text="Look through the file").click()
    page.locator("#base").select_option("shipstation")
    expect(page.locator("[name=before]")).to_have_value("shipstation")
    expect(page.get_by_label("Ding", exact=True)).to_have_value("")
    page.get_by_label("Ding", exact=True).select_option("item.name")
    page.locator("#preview").get_by_text("Say which column tells one order from another.").wait_for()
    page.locator("#columns [name=key]").select_option("Beleg")
    page.fill("#columns [name=name]", "Ours")
    page.locator("button", has_text="Keep under this name").click()
    expect(page.locator("#kept")).to_contain_text("Ours")
    expect(page.get_by_label("Ding", exact=True)).to_have_value("item.name")
    desk.complaints = [told for told in desk.complaints if "422" not in told]


def test_the_list_and_what_is_ticked_are_exported(desk: Desk, tmp_path: Path) -> None:
    ids = send(desk, *(order(n) for n in range(1, 4)))
    page = desk.open("/orders")
    page.locator("summary", has_text="Export").click()
    page.get_by_label("All orders of this list, as").select_option("json")
    assert find_violations(page) == []
    with page.expect_download() as found:
        page.locator("button", has_text="Download").click()
    found.value.save_as(tmp_path / "all.json")
    assert {int(one["id"]) for one in json.loads((tmp_path / "all.json").read_text())} == set(ids)
    page.locator(f"[name=id][value='{ids[1]}']").check()
    page.get_by_label("Kind of file").select_option("jsonl")
    keep(page, "export")
    assert find_violations(page) == []
    with page.expect_download() as found:
        page.locator(".selection button", has_text="Export").click()
    assert found.value.suggested_filename.endswith(".jsonl")
    found.value.save_as(tmp_path / "one.jsonl")
    assert [int(json.loads(line)["id"]) for line in (tmp_path / "one.jsonl").read_text().splitlines()] == [ids[1]]
