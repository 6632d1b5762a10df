"""The import page by HTTP: a file is looked through, errors stand by line, it is stored when somebody says so."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import SHOP
from tests.web.conftest import token

Person = Callable[..., TestClient]
Jobs = Callable[..., None]


def put_in(page: TestClient, content: bytes, name: str = "orders.json", **fields: str) -> Any:
    form = {"csrf": token(page.get("/orders").text), **fields}
    return page.post("/import", data=form, files={"file": (name, content)})


def press(page: TestClient, shown: Any, verb: str) -> Any:
    return page.post(f"{shown.url.path}/{verb}", data={"csrf": token(page.get("/orders").text)})


def figures(shown: Any) -> dict[str, str]:
    return dict(re.findall(r'<dd id="(\w+)"[^>]*>([^<]*)</dd>', shown.text))


def faults(shown: Any) -> list[tuple[str, ...]]:
    cells = r"<td>([^<]*)</td><td>(?:<code>)?([^<]*)(?:</code>)?</td><td>([^<]*)</td>"
    table = shown.text.partition('id="faults"')[2].partition("</table>")[0]
    rows = re.findall(rf'<tr><td class="num">(\d+)</td>{cells}', table)
    return [tuple(row) for row in rows]


def numbers(client: TestClient) -> list[str]:
    return [row["order_number"] for row in client.get("/api/v3/orders?sort=pk").json()["data"]]


def test_a_file_is_seen_through_before_anything_is_stored(person: Person, client: TestClient, do_jobs: Jobs) -> None:
    client.post("/api/v3/orders", json=[make.order("o-1")])
    page = person("packer")
    wrong = make.order("o-3", payment_details={"total_price": "free", "status": {"code": "paid"}})
    lines = [make.order("o-1"), make.order("o-2", order_number="<b>2</b>"), wrong]
    content = "\n".join(json.dumps(line) for line in lines).encode() + b"\n{no json\n"
    shown = put_in(page, content, "orders.jsonl")
    assert "being checked" in shown.text
    assert 'hx-trigger="load delay:1s"' in shown.text
    do_jobs()
    checked = page.get(shown.url.path)
    assert figures(checked) == {"created": "1", "updated": "0", "unchanged": "1", "refused": "2"}
    assert [(line, order_id) for line, order_id, *_ in faults(checked)] == [("3", "o-3"), ("4", "")]
    assert "Invalid JSON" in checked.text
    assert "&lt;b&gt;2&lt;/b&gt;" in checked.text
    assert "Import 2 orders" in checked.text
    assert numbers(client) == ["N-o-1"]
    press(page, shown, "run")
    do_jobs()
    done = page.get(shown.url.path)
    assert figures(done) == {"created": "1", "updated": "0", "unchanged": "1", "refused": "2"}
    assert "hx-trigger" not in done.text
    assert len(faults(done)) == 2
    assert numbers(client) == ["N-o-1", "<b>2</b>"]
    made = client.get("/api/v3/orders?order_number=<b>2</b>").json()["data"][0]
    [entry] = client.get(f"/api/packhouse/orders/{made['id']}/history").json()["data"]
    assert entry["by"]["type"] == "user"
    assert press(page, shown, "run").status_code == 409
    assert "orders.jsonl" in page.get("/import").text


def test_a_csv_of_many_batches_is_stored_once(person: Person, do_jobs: Jobs) -> None:
    text = io.StringIO()
    header = [
        "order_id", "order_number", "order_details.status.code", "order_details.order_created_at",
        "payment_details.total_price.value", "payment_details.total_price.currency",
        "payment_details.status.code", "item.name", "item.quantity", "item.total_price.value",
        "item.total_price.currency",
    ]  # fmt: skip
    rows = csv.writer(text)
    rows.writerow(header)
    for number in range(250):
        rows.writerow(
            [f"c-{number}", f"C-{number}", "new", "2026-03-14T08:00:00Z", 10, "EUR", "paid", "Tea", 1, 10, "EUR"]
        )
    page = person()
    shown = put_in(page, text.getvalue().encode(), "orders.CSV", shop=str(SHOP))
    do_jobs()
    assert figures(page.get(shown.url.path))["created"] == "250"
    press(page, shown, "run")
    do_jobs()
    assert figures(page.get(shown.url.path)) == {"created": "250", "updated": "0", "unchanged": "0", "refused": "0"}
    again = put_in(page, text.getvalue().encode(), "orders.csv", shop=str(SHOP))
    do_jobs()
    assert figures(page.get(again.url.path))["unchanged"] == "250"
    without = put_in(page, text.getvalue().encode(), "orders.csv")
    do_jobs()
    looked = page.get(without.url.path)
    assert figures(looked)["refused"] == "250"
    assert faults(looked)[0][0] == "2"


def test_a_file_of_another_account_goes_into_a_shop_whole(person: Person, client: TestClient, do_jobs: Jobs) -> None:
    """As `orders import --into` does; without a shop to put it in there is nothing to look through."""
    elsewhere = make.order("o-1")
    elsewhere["order_details"]["integration"] = {"id": 999_999}
    content = json.dumps([elsewhere, make.order("o-2")]).encode()
    page = person()
    asked = put_in(page, content, all="1")
    assert asked.status_code == 422
    assert "Choose the shop that every order goes into." in asked.text
    assert re.search(r'name="all" value="1" checked', asked.text)
    shown = put_in(page, content, shop=str(SHOP), all="1")
    do_jobs()
    assert figures(page.get(shown.url.path))["created"] == "2"
    press(page, shown, "run")
    do_jobs()
    orders = client.get("/api/v3/orders").json()["data"]
    assert {(order["order_id"], order["order_details"]["integration"]["id"]) for order in orders} == {
        ("o-1", SHOP), ("o-2", SHOP),
    }  # fmt: skip
    alone = put_in(page, content, shop=str(SHOP))
    do_jobs()
    assert figures(page.get(alone.url.path))["refused"] == "1"


def test_a_file_that_breaks_says_where_and_one_can_be_thrown_away(
    person: Person, client: TestClient, do_jobs: Jobs
) -> None:
    page = person()
    content = f"[{json.dumps(make.order('o-1'))},\n{json.dumps(make.order('o-2'))},\nbroken".encode()
    shown = put_in(page, content)
    do_jobs()
    checked = page.get(shown.url.path)
    assert "could not be read on from line 3" in checked.text
    assert figures(checked)["created"] == "2"
    assert "stopped" in press(page, shown, "stop").text
    do_jobs()
    assert press(page, shown, "run").status_code == 409
    assert numbers(client) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("orders.pdf", b"x", "its name does not tell"),
        ("a.txt", b"x", "No preset knows these columns: x."),
        ("", b"", "Choose a file."),
        ("a.json", b"", "the file is empty"),
    ],
)
def test_what_is_no_file_of_orders_is_refused(
    person: Person, do_jobs: Jobs, name: str, content: bytes, said: str
) -> None:
    page = person()
    shown = put_in(page, content, name)
    do_jobs()
    assert said in (page.get(shown.url.path).text if "/import/" in shown.url.path else shown.text)


def test_a_file_past_the_limit_is_refused_before_it_is_read(person: Person) -> None:
    page = person("owner", max_import_bytes=10_000)
    assert put_in(page, b"[" + b" " * 20_000 + b"]").status_code == 413


def test_a_shops_file_is_recognised_and_its_refused_rows_come_back(person: Person, do_jobs: Jobs) -> None:
    page = person()
    header = (
        "Order - Number;Date - Order Date;Ship To - Name;Ship To - Address 1;Ship To - City;Ship To - Postal Code;"
        "Ship To - Country;Item - Name;Item - Qty;Item - Price"
    )
    place = "Teststraat 10;Amsterdam;1011 AB;NL"
    rows = [
        f"1;2/20/2026;Jürgen;{place};Mug;1;2,50",
        f"2;soon;Anna;{place};Mug;1;2,50",
        f"2;soon;Anna;{place};Cup;x;2,50",
    ]
    content = "\n".join([header, *rows]).encode("cp1252")
    shown = put_in(page, content, "orders.txt", shop=str(SHOP))
    do_jobs()
    checked = page.get(shown.url.path)
    assert "Read as ShipStation, orders export" in checked.text
    assert "Windows-1252" in checked.text
    assert figures(checked) == {"created": "1", "updated": "0", "unchanged": "0", "refused": "1"}
    assert [(fault[0], fault[2]) for fault in faults(checked)] == [("3", "Date - Order Date"), ("4", "Item - Qty")]
    assert "taken for USD" in checked.text.partition('id="warnings"')[2]
    sent = page.get(f"{shown.url.path}/refused")
    assert "orders.refused.csv" in sent.headers["content-disposition"]
    lines = sent.content.decode("utf-8-sig").splitlines()
    assert [line.partition(";")[0] for line in lines] == ["Order - Number", "2", "2"]
    press(page, shown, "run")
    do_jobs()
    mended = sent.content.replace(b"soon", b"2/21/2026").replace(b";x;", b";1;")
    again = put_in(page, mended, "mended.csv", shop=str(SHOP))
    do_jobs()
    assert figures(page.get(again.url.path))["created"] == "1"
    twice = put_in(page, content, "orders.txt", shop=str(SHOP))
    do_jobs()
    assert 'id="before"' in page.get(twice.url.path).text
    assert person("stranger@example.org").get(f"{shown.url.path}/refused").status_code == 404


def test_a_stranger_and_a_viewer_see_and_run_nothing(person: Person, client: TestClient, do_jobs: Jobs) -> None:
    shown = put_in(person(), json.dumps([make.order("o-1")]).encode())
    do_jobs()
    assert put_in(person("viewer"), b"[]").status_code == 403
    stranger = person("stranger@example.org")
    assert stranger.get(shown.url.path).status_code == 404
    for verb in ("run", "stop"):
        assert press(stranger, shown, verb).status_code == 404
    assert "orders.json" not in stranger.get("/import").text
    do_jobs()
    assert numbers(client) == []
