"""The columns of a file by HTTP: guessed, said otherwise, seen in the first orders, kept, taken away as a preset."""

import gzip
import html
import io
import re
import tomllib
from typing import Any

import openpyxl
import pytest
from starlette.testclient import TestClient

from packhouse.orders.files import choose, mapping
from tests import make
from tests.conftest import SHOP
from tests.web.conftest import token
from tests.web.test_import_page import Jobs, Person, faults, figures, numbers, press, put_in
from tests.web.world import query

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

HEADER = "Beleg;Wann;Wer;Weg;PLZ;Ort;Land;Ding;Stk;Wert [EUR];Egal"
ROWS = (
    "A1;20.02.2026 10:00;Jürgen;Testweg 10;10115;Berlin;Deutschland;Becher;2;1.234,50;x",
    "A1;20.02.2026 10:00;Jürgen;Testweg 10;10115;Berlin;Deutschland;Teller;1;2,50;y",
    "A2;21.02.2026;Anna;Testweg 11;10115;Berlin;Deutschland;Becher;viel;2,50;z",
)
STRANGE = "\n".join([HEADER, *ROWS, ""]).encode("cp1252")
CHOSEN = {
    "Beleg": "order_id",
    "Wann": "order_details.order_created_at",
    "Wer": "shipping_address.name",
    "Weg": "shipping_address.address_line_1",
    "PLZ": "shipping_address.postal_code",
    "Ort": "shipping_address.city",
    "Land": "shipping_address.country_code",
    "Ding": "item.name",
    "Stk": "item.quantity",
    "Wert [EUR]": "item.unit_price.value",
    "Egal": "",
}


def fields(header: str = HEADER, chosen: dict[str, str] = CHOSEN, separator: str = ";") -> dict[str, str]:
    return {f"c{at}": chosen[name] for at, name in enumerate(header.split(separator))}


def choices(shown: Any) -> dict[str, str]:
    """Column -> the field that its select shows."""
    found = {}
    for name, select in re.findall(
        r'<th scope="row"><label for="c\d+">([^<]*)</label></th>(.*?)</tr>', shown.text, re.DOTALL
    ):
        [chosen] = re.findall(r'<option value="([^"]*)" selected', select) or [""]
        found[html.unescape(name)] = chosen
    return found


def base_of(shown: Any) -> str:
    found = re.search(r'name="before" value="([^"]*)"', shown.text)
    assert found is not None, shown.text[:500]
    return html.unescape(found[1])


def send(page: TestClient, shown: Any, **said: str) -> Any:
    form = {"csrf": token(page.get("/orders").text), "before": base_of(shown), "base": base_of(shown), **said}
    return page.post(shown.url.path, data=form)


def looked(shown: Any) -> list[str]:
    """The rows of the preview as text."""
    table = shown.text.partition('id="looked"')[2].partition("</table>")[0]
    rows = re.findall(r"<tr><td.*?</tr>", table, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def test_a_strange_file_asks_for_its_columns_with_guesses_and_is_imported(
    person: Person, client: TestClient, do_jobs: Jobs
) -> None:
    page = person("packer")
    shown = put_in(page, STRANGE, "liste.csv", shop=str(SHOP))
    assert shown.url.path.endswith("/columns")
    assert "No preset knows these columns" in shown.text
    guessed = choices(shown)
    assert list(guessed) == HEADER.split(";")
    assert guessed["PLZ"] == "shipping_address.postal_code"
    assert guessed["Wann"] == "order_details.order_created_at"
    assert guessed["Egal"] == ""
    assert "Becher · Teller" in shown.text
    do_jobs()
    seen = send(page, shown, shop=str(SHOP), **fields())
    assert seen.status_code == 200
    first, second = looked(seen)
    assert first.startswith("2 A1 A1 Jürgen DE 2 2471.50 EUR")
    assert second.startswith("4 A2")
    assert "Stk: " in second
    assert "EUR" in first
    assert numbers(client) == []
    checked = send(page, shown, shop=str(SHOP), do="read", **fields())
    assert not checked.url.path.endswith("/columns")
    do_jobs()
    checked = page.get(checked.url.path)
    assert figures(checked) == {"created": "1", "updated": "0", "unchanged": "0", "refused": "1"}
    assert [(fault[0], fault[2]) for fault in faults(checked)] == [("4", "Stk")]
    press(page, checked, "run")
    do_jobs()
    assert numbers(client) == ["A1"]
    [order] = client.get("/api/v3/orders").json()["data"]
    assert [item["quantity"] for item in order["order_details"]["order_items"]] == [2, 1]
    assert order["payment_details"]["total_price"] == {"value": 2471.5, "currency": "EUR"}


def test_the_first_ten_orders_are_shown(person: Person) -> None:
    page = person()
    rows = [ROWS[0].replace("A1", f"B{number}") for number in range(12)]
    shown = put_in(page, "\n".join([HEADER, *rows]).encode(), "a.csv", shop=str(SHOP))
    seen = send(page, shown, shop=str(SHOP), **fields())
    assert len(looked(seen)) == 10
    partial = page.post(
        shown.url.path,
        data={"csrf": token(shown.text), "before": "", "base": "", "shop": str(SHOP), **fields()},
        headers={"hx-request": "true"},
    )
    assert 'id="preview"' in partial.text


def test_a_mapping_is_kept_and_offered_for_the_next_file_with_these_columns(person: Person, do_jobs: Jobs) -> None:
    page = person("packer")
    shown = put_in(page, STRANGE, "liste.csv", shop=str(SHOP))
    nameless = send(page, shown, shop=str(SHOP), do="save", **fields())
    assert nameless.status_code == 422
    assert "Give it a name." in nameless.text
    assert choices(nameless)["Stk"] == "item.quantity"
    taken = send(page, shown, do="save", name="shopify", **fields())
    assert (taken.status_code, "A preset of Packhouse has this name." in taken.text) == (422, True)
    kept = send(page, shown, shop=str(SHOP), do="save", name="Unser <Laden>", **fields())
    assert "Kept as “Unser &lt;Laden&gt;”" in kept.text
    assert base_of(kept) == "Unser <Laden>"
    next_file = put_in(page, STRANGE.replace(b"A1", b"A3").replace(b"viel", b"1"), "next.csv", shop=str(SHOP))
    do_jobs()
    checked = page.get(next_file.url.path)
    assert "Read as Unser &lt;Laden&gt;" in checked.text
    assert figures(checked)["created"] == "2"
    assert "Unser" in page.get("/import").text
    stranger = person("stranger@example.org")
    assert "Unser" not in stranger.get("/import").text
    assert put_in(stranger, STRANGE, "liste.csv").url.path.endswith("/columns")


def test_a_file_with_other_columns_begins_with_the_closest_mapping(person: Person) -> None:
    page = person("packer")
    shown = put_in(page, STRANGE, "liste.csv", shop=str(SHOP))
    own = {**CHOSEN, "Egal": "order_details.notes"}
    send(page, shown, shop=str(SHOP), do="save", name="Ours", **fields(chosen=own))
    header = HEADER.replace("Land;", "").replace("Egal", "Farbe;Egal")
    asked = put_in(page, f"{header}\n{';'.join('x' for _ in header.split(';'))}\n".encode(), "next.csv", shop=str(SHOP))
    assert asked.url.path.endswith("/columns")
    assert base_of(asked) == "Ours"
    assert (choices(asked)["Egal"], choices(asked)["Farbe"]) == ("order_details.notes", "")
    assert base_of(put_in(page, b"Foo;Bar\n1;2\n", "other.csv", shop=str(SHOP))) == ""


def test_a_mapping_is_downloaded_as_a_preset(person: Person) -> None:
    page = person()
    shown = put_in(page, STRANGE, "liste.csv", shop=str(SHOP))
    sent = send(page, shown, do="download", name="Laden/1", decimal=",", dates="day-first", **fields())
    assert sent.headers["content-disposition"] == "attachment; filename*=UTF-8''Laden%2F1.toml"
    preset = mapping.parse(sent.text)
    assert preset.title == "Laden/1"
    assert dict(preset.columns) == {name: field for name, field in CHOSEN.items() if field}
    assert preset.key == ["Beleg"]
    assert (preset.formats.decimal, preset.formats.dates) == (",", "day-first")
    assert mapping.recognise(HEADER.split(";"), {"own": preset}) == "own"


def test_how_a_known_file_is_read_is_changed_and_the_rest_of_its_preset_stays(person: Person, do_jobs: Jobs) -> None:
    header = (
        "Order - Number;Date - Order Date;Ship To - Name;Ship To - Address 1;Ship To - City;Ship To - Postal Code;"
        "Ship To - Country;Item - Name;Item - Qty;Item - Price;Mine"
    )
    row = "1;2/20/2026;Anna;Testweg 1;Berlin;10115;DE;Mug;1;2,50;Hello"
    page = person()
    shown = put_in(page, f"{header}\n{row}\n".encode(), "orders.csv", shop=str(SHOP))
    do_jobs()
    assert "Change how it is read" in page.get(shown.url.path).text
    asked = page.get(f"{shown.url.path}/columns")
    assert base_of(asked) == "shipstation"
    before = choices(asked)
    assert before["Item - Name"] == "item.name"
    changed = {f"c{at}": before[name] for at, name in enumerate(header.split(";"))}
    changed["c10"] = "order_details.notes"
    sent = send(page, asked, do="download", **changed)
    known = mapping.list_presets()["shipstation"]
    preset = mapping.parse(sent.text)
    assert {**known.columns, "Mine": "order_details.notes"} == {**preset.columns}
    assert (preset.skip, preset.assumed) == (known.skip, known.assumed)
    again = send(page, asked, do="read", shop=str(SHOP), **changed)
    do_jobs()
    checked = page.get(again.url.path)
    assert figures(checked)["created"] == "1"
    press(page, checked, "run")
    do_jobs()
    done = page.get(again.url.path)
    assert "/columns" not in done.text
    gone = page.post(f"{again.url.path}/columns", data={"csrf": token(done.text), "base": "", "before": ""})
    assert gone.status_code == 409
    assert not page.get(f"{again.url.path}/columns").url.path.endswith("/columns")


def test_another_preset_is_chosen_and_its_columns_are_shown(person: Person) -> None:
    page = person()
    shown = put_in(page, b"Order - Number,Item - Name,Other\n1,Mug,x\n", "a.csv", shop=str(SHOP))
    other = send(page, shown, base="shipstation", shop=str(SHOP))
    assert base_of(other) == "shipstation"
    assert choices(other)["Item - Name"] == "item.name"
    assert choices(other)["Other"] == ""
    refused = send(page, shown, base="nobody's")
    assert (refused.status_code, "There is no such preset." in refused.text) == (422, True)


@pytest.mark.parametrize(
    ("said", "total"), [({"decimal": ","}, "1.234 EUR"), ({"decimal": "."}, "1234.00 EUR"), ({}, "")]
)
def test_what_the_file_does_not_tell_is_said(person: Person, said: dict[str, str], total: str) -> None:
    page = person()
    row = "A1;03/02/2026;Anna;Testweg 1;10115;Berlin;DE;Mug;1;1,234;x"
    shown = put_in(page, f"{HEADER}\n{row}\n".encode(), "a.csv", shop=str(SHOP))
    [line] = looked(send(page, shown, shop=str(SHOP), dates="month-first", **said, **fields()))
    assert total in line
    assert ("Wert [EUR]: " in line) == (not said)
    [line] = looked(send(page, shown, shop=str(SHOP), decimal=".", **fields()))
    assert "Wann: " in line


@pytest.mark.parametrize("kind", ["xlsx", "csv.gz", "utf-16"])
def test_packed_files_and_workbooks_are_mapped_too(person: Person, do_jobs: Jobs, kind: str) -> None:
    text = "\n".join([HEADER, *ROWS[:2]])
    content, name = gzip.compress(text.encode()), "a.csv.gz"
    if kind == "xlsx":
        book = openpyxl.Workbook()
        for row in text.split("\n"):
            book.active.append(row.split(";"))  # type: ignore[union-attr]
        made = io.BytesIO()
        book.save(made)
        content, name = made.getvalue(), "a.xlsx"
    elif kind == "utf-16":
        content, name = text.encode("utf-16"), "a.txt"
    page = person()
    shown = put_in(page, content, name, shop=str(SHOP))
    assert list(choices(shown)) == HEADER.split(";")
    checked = send(page, shown, shop=str(SHOP), do="read", **fields())
    do_jobs()
    assert figures(page.get(checked.url.path))["created"] == "1"


def test_a_large_file_is_looked_at_by_its_beginning_and_read_whole(
    person: Person, do_jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packhouse.orders.files.originals.PIECE", 400)
    rows = [ROWS[0].replace("A1", f"ü{number}") for number in range(60)]
    page = person()
    shown = put_in(page, "\n".join([HEADER, *rows]).encode(), "a.csv", shop=str(SHOP))
    assert len(looked(send(page, shown, shop=str(SHOP), **fields()))) == 10
    checked = send(page, shown, shop=str(SHOP), do="read", **fields())
    do_jobs()
    assert figures(page.get(checked.url.path))["created"] == "60"


def test_what_is_no_mapping_is_refused_and_the_form_stays(person: Person) -> None:
    page = person()
    shown = put_in(page, b"x,y\n1,2\n", "a.csv", shop=str(SHOP))
    nothing = send(page, shown, do="read", c0="", c1="order_details.nothing")
    assert (nothing.status_code, "There is no such field." in nothing.text) == (422, True)
    shopless = send(page, shown, do="read", all="1", c0="order_id", c1="item.name")
    assert shopless.status_code == 422
    assert "Choose the shop that every order goes into." in shopless.text


def test_others_may_neither_see_nor_change_it_and_nothing_stays_of_a_file_thrown_away(
    person: Person, database_url: str
) -> None:
    page = person()
    shown = put_in(page, STRANGE, "liste.csv", shop=str(SHOP))
    assert query(database_url, "SELECT count(*) FROM import_parts WHERE part < 0") == [1]
    for other, status in (("viewer", 403), ("stranger@example.org", 404)):
        browser = person(other)
        assert browser.get(shown.url.path).status_code == status
        form = {"csrf": token(browser.get("/orders").text), "do": "read", "base": "", "before": "", **fields()}
        assert browser.post(shown.url.path, data=form).status_code == status
    stop = shown.url.path.replace("/columns", "/stop")
    page.post(stop, data={"csrf": token(shown.text)})
    assert query(database_url, "SELECT count(*) FROM import_parts WHERE part < 0") == [0]


def test_whose_data_is_erased_stands_in_no_bytes_of_a_file(
    person: Person, client: TestClient, database_url: str, do_jobs: Jobs
) -> None:
    client.post("/api/v3/orders", json=[make.order("o-1", customer_details={"name": "Anna", "email": "a@example.org"})])
    page = person()
    waiting = put_in(page, STRANGE, "liste.csv", shop=str(SHOP))
    checked = put_in(page, STRANGE, "liste.csv", shop=str(SHOP))
    checked = send(page, checked, shop=str(SHOP), do="read", **fields())
    do_jobs()
    form = {"csrf": token(page.get("/settings/privacy").text), "email": "a@example.org", "confirmed": "1"}
    assert "Anna" not in page.post("/settings/privacy/erase", data=form).text
    do_jobs()
    assert query(database_url, "SELECT count(*) FROM import_parts WHERE part < 0") == [0]
    assert "stopped" in page.get(waiting.url.path).text
    assert "/columns" not in page.get(checked.url.path).text
    press(page, checked, "run")
    do_jobs()
    assert "A1" in numbers(client)


def test_our_own_columns_beside_others_are_mapped(person: Person, do_jobs: Jobs) -> None:
    page = person()
    header = "order_id,Wann,item.name,item.quantity,item.unit_price.value"
    shown = put_in(page, f"{header}\nA1,2026-02-20,Mug,1,2.50\n".encode(), "a.csv", shop=str(SHOP))
    assert "Wann" in shown.text
    said = {**{name: name for name in header.split(",")}, "Wann": "order_details.order_created_at"}
    checked = send(page, shown, shop=str(SHOP), do="read", **fields(header, said, ","))
    do_jobs()
    assert figures(page.get(checked.url.path)) == {"created": "1", "updated": "0", "unchanged": "0", "refused": "0"}


def test_every_preset_is_written_as_the_file_it_can_be_made_from_again() -> None:
    for name, preset in mapping.list_presets().items():
        text = choose.to_toml(preset)
        assert mapping.parse(text) == preset, name
        assert tomllib.loads(text)["title"] == preset.title
