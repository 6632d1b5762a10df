"""The start page by HTTP: figures and charts of what is there, bounded; and the empty state's first order."""

import asyncio
import html
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient

from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.orders import counts, stats
from packhouse.orders.tables import orders
from packhouse.shipping.tables import shipments
from tests import make
from tests.conftest import OWNER, SECOND_SHOP, SHOP
from tests.web.conftest import token

Person = Callable[..., TestClient]
HOME = ZoneInfo("Europe/Amsterdam")
"""The owner's account is in NL, and its days begin there."""


def figure(page: Any, name: str) -> str:
    found = re.search(rf'id="{name}">\s*([^<\s]+)', page.text)
    assert found is not None
    return found[1]


def order(order_id: str, days_ago: int, **changes: Any) -> dict[str, Any]:
    at = datetime.now(HOME).replace(hour=0, minute=0, second=1) - timedelta(days=days_ago)
    details = {"order_created_at": clock.to_wire(at)}
    return make.order(order_id, order_details=details, shipping_address=make.address(), **changes)


def test_figures_and_charts_tell_what_is_there(person: Person, client: TestClient) -> None:
    sent = [
        order("o-1", 0),
        order("o-2", 0, order_number="<b>nasty</b>"),
        order("o-3", 0, integration=SECOND_SHOP),
        order("o-4", 3),
        order("o-5", 30),
    ]
    client.post("/api/v3/orders", json=sent)
    page = person("packer")
    shown = page.get("/")
    assert (figure(shown, "waiting"), figure(shown, "placed"), figure(shown, "labels")) == ("5", "3", "0")
    assert "&lt;b&gt;nasty&lt;/b&gt;" in shown.text
    heights = [
        float(height)
        for height in re.findall(r'<rect class="c\d" x="\d+" y="[\d.]+" width="38" height="([\d.]+)"', shown.text)
    ]
    assert sorted(heights) == [40.0, 40.0, 80.0]
    shares = re.findall(r'<th scope="row">(Shop \d+)</th><td class="num">(\d+)</td>', shown.text)
    assert [count for _, count in shares] == ["3", "1"]
    oldest = re.findall(r'<td class="c-number"><a[^>]*>([^<]+)</a>', shown.text)
    assert oldest[:2] == ["N-o-5", "N-o-4"]
    assert set(oldest[2:]) == {"N-o-1", "&lt;b&gt;nasty&lt;/b&gt;", "N-o-3"}
    ids = [row["id"] for row in client.get("/api/v3/orders?sort=pk").json()["data"]]
    page.post("/orders/labels", data={"csrf": token(page.get("/orders").text), "id": str(min(map(int, ids)))})
    again = page.get("/")
    assert (figure(again, "waiting"), figure(again, "labels")) == ("4", "1")
    assert '<th scope="row">Own delivery' in again.text or '<td class="num">1</td>' in again.text
    assert figure(person("stranger@example.org").get("/orders"), "first-order") == "curl"


def test_counts_are_kept_or_stop_early_and_say_so(person: Person, client: TestClient, database_url: str) -> None:
    [receipt] = client.post("/api/v3/orders", json=[order("o-0", 0)]).json()["data"]

    async def copy() -> None:
        db = Database(database_url)
        async with db.begin() as tx:
            [row] = (await tx.execute(select(orders).where(orders.c.id == receipt["id"]))).mappings()
            ids = await tx.next_ids("orders", stats.MOST)
            await tx.execute(insert(orders), [{**row, "id": id, "order_id": f"o-{id}"} for id in ids])
        await counts.recount(db, 1)
        await db.close()

    asyncio.run(copy())
    shown = person().get("/")
    assert (figure(shown, "waiting"), figure(shown, "placed")) == ("10,001", "10,000+")


def test_every_label_of_the_days_counts(person: Person, client: TestClient, database_url: str) -> None:
    parcels = [{"parcel_items": [{"item_id": "1", "quantity": 1}]}] * 2
    items = {"order_items": [make.item(item_id="1", quantity=2)]}
    sent = [make.order(f"o-{number}", order_details=items, shipping_address=make.address()) for number in range(2)]
    client.post("/api/v3/orders", json=sent)
    asked = {"integration_id": SHOP, "orders": [{"order_id": "o-0", "parcels": parcels}, {"order_id": "o-1"}]}
    assert client.post("/api/v3/orders/create-labels-async", json=asked).status_code == 202
    today = datetime.now(HOME).replace(hour=0, minute=0, second=1)

    async def copy() -> None:
        db = Database(database_url)
        async with db.begin() as tx:
            two, one = (await tx.execute(select(shipments).order_by(shipments.c.id))).mappings()
            assert (two["parcel_count"], one["parcel_count"]) == (2, 1)
            for row, count, days, state in (
                (two, 2_500, 0, "ready"),
                (one, 300, 13, "ready"),
                (one, 7, 14, "ready"),
                (one, 5, 0, "cancelled"),
            ):
                ids = await tx.next_ids("shipments", count)
                at = today - timedelta(days=days)
                rows = [{**row, "id": id, "uuid": str(id), "created_at": at, "state": state} for id in ids]
                await tx.execute(insert(shipments), rows)
        await db.close()

    asyncio.run(copy())
    shown = person().get("/")
    assert figure(shown, "labels") == "5,000"
    cells = r'<th scope="row">Own delivery</th><td class="num">([0-9,]+)</td><td class="num muted">([0-9,]+) today</td>'
    assert re.findall(cells, shown.text) == [("5,300", "5,000")]


@pytest.mark.parametrize("place", ["/", "/orders"])
def test_the_empty_state_shows_how_to_send_the_first_order(person: Person, client: TestClient, place: str) -> None:
    page = person()
    text = re.search(r'<code id="first-order">(.*?)</code>', page.get(place).text, re.DOTALL)
    assert text is not None
    command = html.unescape(text[1])
    assert command.startswith(f"curl -u {OWNER[0]} http://testserver/api/v3/orders ")
    body = json.loads(re.search(r"-d '(.*)'", command, re.DOTALL)[1])  # type: ignore[index]
    assert client.post("/api/v3/orders", json=body).status_code == 200
    assert "first-order" not in page.get(place).text


def test_a_program_finds_no_page(client: TestClient) -> None:
    assert client.get("/", headers={"accept": "*/*"}).status_code == 404


def test_what_needs_attention_is_counted_and_listed(
    person: Person, client: TestClient, do_jobs: Callable[..., None], database_url: str
) -> None:
    assert "Needs attention" not in person().get("/").text
    held = {"status": {"code": "on-hold", "message": "On hold"}}
    sent = [
        order("o-1", 0),
        order("o-2", 5),
        make.order("o-3", shipping_address=make.address(), order_details=held),
        make.order("o-4", shipping_address=make.address(postal_code="1")),
    ]
    assert client.post("/api/v3/orders", json=sent).status_code == 200
    do_jobs()
    asked = {"integration_id": SHOP, "order": {"order_id": "o-1"}}
    assert client.post("/api/v3/orders/create-label-sync", json=asked).status_code == 201
    shown = person("packer").get("/")
    found = dict(re.findall(r'<li><a href="([^"]+)"><strong class="num">([^<]+)</strong>', html.unescape(shown.text)))
    until = (datetime.now(HOME) - timedelta(days=2)).date().isoformat()
    assert found["/orders?status=on-hold"] == "1"
    assert found[f"/orders?sort=placed&to={until}"] == "3"  # those of make.order are from March
    warned = found["/orders?warnings=1"]
    assert figure_of_list(person(), "/orders?warnings=1") == warned

    async def spoil() -> None:
        db = Database(database_url)
        async with db.begin() as tx:
            await tx.change(update(shipments).values(stale="address"))
            row = (await tx.execute(select(shipments))).mappings().one()
            failed = {**row, "id": row["id"] + 1, "uuid": "u", "for_order": 999, "state": "failed", "stale": None}
            await tx.execute(insert(shipments), [failed])
        await db.close()

    asyncio.run(spoil())
    told = html.unescape(person("packer").get("/").text)
    assert 'href="/shipments?status=1002"><strong class="num">1<' in told
    assert 'href="/shipments?stale=1"><strong class="num">1<' in told
    assert person("packer").get("/shipments?stale=1").text.count("<tr data-id=") == 1


def figure_of_list(page: TestClient, place: str) -> str:
    found = re.search(r'class="total">(\d+) order', page.get(place).text)
    assert found is not None
    return found[1]


@pytest.mark.one_database
def test_a_new_account_has_a_list_of_steps(person: Person) -> None:
    shown = person().get("/").text
    places = re.findall(r'<div><a href="(/settings/\w+)">', shown)
    assert places == ["/settings/integrations", "/settings/senders", "/settings/contracts", "/settings/benches"]
    assert 'class="done"' in shown
    assert "To your first label" not in person("packer").get("/").text
