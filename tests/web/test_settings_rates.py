"""Shipping prices on the settings pages: versions by date, line by line, from a file, and taken away again."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.kit import clock
from tests.shipping.test_rates import TABLES, make_table
from tests.web.conftest import token
from tests.web.test_settings import send, stored

Person = Callable[..., TestClient]
HERE = "/settings/rates"
ROW = {"option_code": "house:standard", "zone": "Netherlands, Germany: 80 81", "price": "5.25", "max_weight_kg": "2.5"}


def read(client: TestClient) -> list[Any]:
    ids = [table["id"] for table in client.get(TABLES).json()["data"]]
    return [client.get(f"{TABLES}/{id}").json()["data"] for id in ids]


def days_on(days: int) -> str:
    return (clock.now() + timedelta(days=days)).date().isoformat()


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text.partition("<main")[2])).split())


def faults(text: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'class="told fault">([^<]+)<', text)]


def test_prices_are_added_changed_and_deleted_line_by_line(person: Person, client: TestClient) -> None:
    page = person()
    assert "No prices are known yet." in page.get(HERE).text
    form = {"name": "2026", "currency": "eur", "valid_from": "2026-01-01", **ROW}
    refused = send(page, HERE, **{**form, "zone": "Nowhere", "price": "5.25x", "max_weight_kg": "x", "currency": "E"})
    assert refused.status_code == 422
    assert "“Nowhere” is no country." in faults(refused.text)
    stored(send(page, HERE, **form))
    [table] = read(client)
    assert table["rows"] == [
        {"option_code": "house:standard", "zone": "NL DE:80 DE:81", "price": "5.25", "max_weight_kg": 2.5}
    ]
    assert (table["name"], table["currency"], table["valid_from"]) == ("2026", "EUR", "2026-01-01")
    place = f"{HERE}/{table['id']}"
    shown = words(page.get(place).text)
    assert "Own delivery any Netherlands, Germany: 80 81 2.5 kg Price €5.25" in shown
    fuel = {"option_code": "*", "type": "fuel", "price": "8.5", "unit": "percent", "valid_from": "2026-01-01"}
    stored(send(page, f"{place}/rows", **fuel))
    [table] = read(client)
    assert table["rows"][1] == {"option_code": "*", "type": "fuel", "price": "8.5%"}
    place = f"{HERE}/{table['id']}"
    edited = page.get(f"{place}/rows/1").text
    assert 'name="price" type="text" value="8.5"' in edited
    assert '<option value="percent" selected>' in edited
    stored(send(page, f"{place}/rows/1", **{**fuel, "price": "9"}))
    [table] = read(client)
    assert [row["price"] for row in table["rows"]] == ["5.25", "9%"]
    wrong = send(page, f"{HERE}/{table['id']}/rows", **ROW, unit="percent")
    assert faults(wrong.text) == ["Only a surcharge can be a percentage."]
    stored(send(page, f"{HERE}/{table['id']}/rows/0/delete", valid_from="2026-01-01"))
    [table] = read(client)
    last = send(page, f"{HERE}/{table['id']}/rows/0/delete", valid_from="2026-01-01")
    assert (last.status_code, "at least one row" in last.text) == (422, True)
    stored(send(page, f"{HERE}/{table['id']}/delete"))
    assert read(client) == []
    assert page.get(f"{HERE}/{table['id']}").status_code == 404
    assert page.get(f"{HERE}/99/rows/0").status_code == 404


def test_a_change_makes_a_version_and_what_counted_stays(person: Person, client: TestClient) -> None:
    made = make_table(client, "option_code,price\nhouse:standard,5\n", name="Own", valid_from="2026-01-01")
    page = person()
    place = f"{HERE}/{made['id']}"
    stored(send(page, f"{place}/rows/0", option_code="house:standard", price="6"))
    old, new = read(client)
    assert [(table["valid_from"], table["rows"][0]["price"]) for table in (old, new)] == [
        ("2026-01-01", "5"),
        (days_on(0), "6"),
    ]
    again = send(page, f"{place}/rows/0", option_code="house:standard", price="7")
    assert again.status_code == 409
    assert f"There is a newer version, from {days_on(0)}: change that one." in again.text
    early = send(page, f"{place}/rows/0", option_code="house:standard", price="7", valid_from="2025-12-31")
    assert faults(early.text) == ["The changed version is valid from 2026-01-01: choose no earlier date."]
    stored(send(page, f"{HERE}/{new['id']}/rows/0", option_code="house:standard", price="8", valid_from=days_on(30)))
    assert [table["rows"][0]["price"] for table in read(client)] == ["5", "6", "8"]
    listed = words(page.get(HERE).text)
    assert re.search(r"in force until .* to come|to come .* in force until", listed)
    assert "replaced on" in listed
    assert f'href="{HERE}/{new["id"]}">To the version in force' in page.get(place).text
    gone = send(page, f"{HERE}/{new['id']}/rows/7", option_code="house:standard", price="8")
    assert gone.status_code == 404


def upload(page: TestClient, text: str | bytes, **fields: str) -> Any:
    content = text if isinstance(text, bytes) else text.encode()
    sent = {"csrf": token(page.get(f"{HERE}/new").text), "name": "2026", "currency": "EUR", **fields}
    return page.post(f"{HERE}/import", data=sent, files={"file": ("rates.csv", content)}, follow_redirects=False)


def test_a_file_is_imported_and_comes_back(person: Person, client: TestClient) -> None:
    page = person()
    text = "option_code;zone;max_weight_kg;price\nhouse:standard;NL;2,5;5,25\nhouse:express;*;;9,95\n"
    answer = upload(page, b"\xef\xbb\xbf" + text.encode(), valid_from="2026-02-01")
    assert answer.status_code == 303
    [table] = read(client)
    assert answer.headers["location"] == f"{HERE}/{table['id']}"
    assert [row["price"] for row in table["rows"]] == ["5,25", "9,95"]
    assert "€5.25" in page.get(answer.headers["location"]).text
    file = page.get(f"{HERE}/{table['id']}/file")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="rates-2026-02-01.csv"' in file.headers["content-disposition"]
    assert upload(page, file.text, valid_from="2026-02-01").status_code == 303
    assert [{**each, "id": 0} for each in read(client)] == [{**table, "id": 0}]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("option_code,price\nhouse:standard,5\nhouse:standard,five\n", "Line 3, price: “five” is no price"),
        ("option_code,zone,price\nhouse:standard,QQ,5\n", "Line 2, zone: There is no country QQ."),
        ("option_code,zone,price\nhouse:standard,Holland,5\n", "Line 2, zone: “HOLLAND” is no list of places"),
        ('option_code,label,price\nhouse:standard,"a\nb",5\nhouse:standard,,\n', "Line 4, price: Field required"),
        ("option_code,price\nhouse:standard,5%\n", "Line 2, price: Only a surcharge can be a percentage."),
        ("option_code,price\nhouse:standard,5,6\n", "Line 2, label: The line has more cells than there are columns."),
        ("option_code,zones,price\nhouse:standard,NL,5\n", "The column zones is not known"),
        ("zone\nNL\n", "The file has no column option_code."),
        ("option_code,price\n", "A rate table has at least one row."),
    ],
)
def test_what_is_wrong_in_a_file_is_told_by_line_and_column(
    person: Person, client: TestClient, text: str, told: str
) -> None:
    refused = upload(person(), text)
    assert refused.status_code == 422
    assert told in html.unescape(refused.text)
    assert 'value="2026"' in refused.text
    assert read(client) == []


@pytest.mark.one_database
def test_names_and_numbers_are_those_of_the_reader(person: Person, client: TestClient) -> None:
    page = person()
    page.headers["accept-language"] = "de-DE"
    form = {"name": "Preise", "currency": "EUR", "written_in": "de-DE"}
    stored(send(page, HERE, **form, option_code="house:standard", zone="Österreich; BE", price="1234,5"))
    [table] = read(client)
    assert table["rows"] == [{"option_code": "house:standard", "zone": "AT BE", "price": "1234.5"}]
    shown = words(page.get(f"{HERE}/{table['id']}").text)
    assert "Österreich, Belgien" in shown
    assert "1.234,50 €" in shown


@pytest.mark.one_database
def test_many_lines_stand_on_pages_and_can_be_narrowed(person: Person, client: TestClient) -> None:
    rows = [f"house:{('standard', 'express')[n % 2]},{n},1\n" for n in range(1, 451)]
    made = make_table(client, "option_code,max_weight_kg,price\n" + "".join(rows))
    page = person()
    first = page.get(f"{HERE}/{made['id']}").text
    assert "Page 1 of 3" in first
    assert first.count("/delete") == 200
    assert page.get(f"{HERE}/{made['id']}?page=3").text.count("/delete") == 50
    narrowed = page.get(f"{HERE}/{made['id']}?option=house:express").text
    assert "Page 1 of 2" in narrowed


def test_only_owners_change_prices_and_only_their_own(person: Person, client: TestClient) -> None:
    made = make_table(client, "option_code,price\nhouse:standard,5\n")
    stranger = person("stranger@example.org")
    place = f"{HERE}/{made['id']}"
    for path in (place, f"{place}/file", f"{place}/rows/0"):
        assert stranger.get(path).status_code == 404
    for path in (f"{place}/rows", f"{place}/rows/0", f"{place}/rows/0/delete", f"{place}/delete"):
        assert send(stranger, path, option_code="house:standard", price="1").status_code == 404
    assert [table["rows"][0]["price"] for table in read(client)] == ["5"]
