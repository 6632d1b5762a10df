"""Exports by HTTP: what the filter shows or what is ticked, in every form, by everybody who may read orders."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import SECOND_SHOP, SHOP
from tests.web.conftest import token
from tests.web.test_import_page import Jobs, figures, put_in
from tests.web.test_shipping_page import ids, make_labels

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

__all__ = ["ids"]

Person = Callable[..., TestClient]
URL = "/api/v3/orders"
ODD = make.order(
    "e-1",
    order_number="+49",
    order_details={"notes": "=1+1", "order_items": [make.item(name="@home", quantity=3), make.item(sku="-5")]},
    payment_details={"total_price": {"value": 1234.5, "currency": "EUR"}},
)


def export(page: TestClient, form: str, query: str = "", **headers: str) -> Any:
    return page.get(f"/orders/export?format={form}{query}", headers=headers)


def ticked(page: TestClient, form: str, ids: list[int]) -> Any:
    sent = {"csrf": token(page.get("/orders?show=all").text), "format": form, "id": list(map(str, ids))}
    return page.post("/orders/export", data=sent)


def to_rows(answer: Any, separator: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=separator))


def names(answer: Any) -> list[str]:
    return [order["order_id"] for order in json.loads(answer.content)]


@pytest.mark.parametrize("role", ["viewer", "packer", "owner"])
def test_everybody_who_may_read_orders_exports_them(person: Person, client: TestClient, role: str) -> None:
    client.post(URL, json=[make.order("e-1"), make.order("e-2")])
    page = person(role)
    assert "/orders/export" in page.get("/orders").text
    answer = export(page, "json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].startswith('attachment; filename="orders-2')
    assert answer.headers["content-disposition"].endswith('.json"')
    assert json.loads(answer.content) == client.get(f"{URL}?sort=-order_created_at").json()["data"]
    one = client.get(f"{URL}?order_id=e-1").json()["data"]
    assert json.loads(ticked(page, "json", [int(one[0]["id"])]).content) == one


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"e-1", "e-2", "e-3"}),
        (f"&shop={SECOND_SHOP}", {"e-3"}),
        ("&country=NL", {"e-2"}),
        ("&status=unfulfilled&tag=gift", {"e-1"}),
        ("&from=2030-01-01", set()),
        ("&sort=-total", {"e-1", "e-2", "e-3"}),
        ("&show=shipped", set()),
        ("&q=N-e-2", {"e-2"}),
    ],
)
def test_what_the_filter_shows_is_in_the_file(
    person: Person, client: TestClient, do_jobs: Jobs, query: str, found: set[str]
) -> None:
    elsewhere = make.order("e-3")
    elsewhere["order_details"]["integration"] = {"id": SECOND_SHOP}
    tagged = make.order("e-1", order_details={"tags": ["gift"]})
    sent = client.post(URL, json=[tagged, make.order("e-2", shipping_address=make.address()), elsewhere])
    assert sent.status_code == 200, sent.text
    do_jobs()
    assert set(names(export(person(), "json", query))) == found


def test_all_pages_are_in_the_file_and_lines_are_one_each(person: Person, client: TestClient) -> None:
    for start in (0, 100):
        client.post(URL, json=[make.order(f"e-{number}") for number in range(start, start + 100)])
    client.post(URL, json=[make.order("e-last")])
    lines = export(person(), "jsonl", "&size=50").text.splitlines()
    assert len({json.loads(line)["order_id"] for line in lines}) == len(lines) == 201


@pytest.mark.parametrize(
    ("language", "separator", "total"), [("nl", ";", "1234,5"), ("de-CH", ",", "1234.5"), ("en", ",", "1234.5")]
)
def test_a_spreadsheet_opens_it_as_the_reader_writes_and_runs_nothing(
    person: Person, client: TestClient, language: str, separator: str, total: str
) -> None:
    client.post(URL, json=[ODD])
    answer = export(person(), "excel-csv", **{"accept-language": language})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    first, second = to_rows(answer, separator)
    assert first["payment_details.total_price.value"] == total
    assert (first["order_number"], first["order_details.notes"]) == ("'+49", "'=1+1")
    assert (first["item.name"], second["item.sku"]) == ("'@home", "'-5")


def test_a_workbook_holds_texts_and_numbers_and_no_formulas(person: Person, client: TestClient) -> None:
    client.post(URL, json=[ODD])
    answer = export(person("viewer"), "xlsx")
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["Orders"]
    cells = {str(name.value): cell for name, cell in zip(sheet[1], sheet[2], strict=False)}
    assert (cells["order_details.notes"].data_type, cells["order_details.notes"].value) == ("s", "=1+1")
    assert cells["payment_details.total_price.value"].value == 1234.5


@pytest.mark.parametrize("form", ["csv", "excel-csv", "xlsx", "json", "jsonl"])
def test_what_is_exported_can_be_imported(person: Person, client: TestClient, do_jobs: Jobs, form: str) -> None:
    client.post(URL, json=[ODD, make.order("e-2")])
    page = person()
    answer = export(page, form, **{"accept-language": "fr"})
    name = answer.headers["content-disposition"].partition('filename="')[2].rstrip('"')
    shown = put_in(page, answer.content, name, shop=str(SHOP))
    do_jobs()
    assert figures(page.get(shown.url.path)) == {"created": "0", "updated": "0", "unchanged": "2", "refused": "0"}


@pytest.mark.parametrize(
    ("form", "separator", "number", "told"),
    [
        ("shopify-tracking", ",", "Tracking Number", ("Name", "N-s-1")),
        ("amazon-tracking", "\t", "tracking-number", ("order-id", "s-1")),
        ("woocommerce-tracking", ",", "tracking_number", ("order_id", "s-1")),
    ],
)
def test_shops_are_told_the_tracking_numbers_of_what_was_shipped(
    person: Person, ids: list[int], form: str, separator: str, number: str, told: tuple[str, str]
) -> None:
    page = person("packer")
    make_labels(page, ids[:1])
    for answer in (export(page, form), export(page, form, "&show=all"), ticked(page, form, ids)):
        [row] = to_rows(answer, separator)
        assert row[told[0]] == told[1]
        assert row[number]
        assert form in answer.headers["content-disposition"]
    assert to_rows(ticked(page, form, ids[1:]), separator) == []


def test_nobody_exports_what_is_not_theirs_or_of_no_kind(person: Person, client: TestClient) -> None:
    [receipt] = client.post(URL, json=[make.order("e-1")]).json()["data"]
    stranger = person("stranger@example.org")
    assert json.loads(export(stranger, "json").content) == []
    assert json.loads(ticked(stranger, "json", [receipt["id"]]).content) == []
    page = person()
    assert export(page, "exe").status_code == 400
    assert export(page, "json", "&from=yesterday").status_code == 400
    assert page.post("/orders/export", data={"format": "json", "id": "1"}).status_code == 403
