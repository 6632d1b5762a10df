"""Every export can be imported again: an order comes out of another account as it went into the file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests import make
from tests.cli.conftest import Run
from tests.cli.conftest import run as run  # noqa: PLC0414 - a fixture
from tests.conftest import OWNER, SHOP, STRANGER, STRANGERS_SHOP
from tests.orders import test_round_trip as shapes

URL = shapes.URL
FORMS = ["json", "jsonl", "csv"]
MADE: dict[str, Any] = {
    "created": 1,
    "updated": 0,
    "unchanged": 0,
    "refused": 0,
    "dry_run": False,
    "stopped": None,
    "records": [],
}

item_changes = shapes.shape(
    {},
    quantity=st.just(0) | shapes.whole,
    delivery_dates=st.none() | shapes.delivery_dates,
    mid_code=st.none() | shapes.text,
    sku=shapes.text,
    total_price=shapes.price,
    properties=shapes.free,
)


@st.composite
def patches(draw: st.DrawFn, order: dict[str, Any]) -> dict[str, Any]:
    """Anything that may be changed, cleared where it may be."""
    details = draw(shapes.shape({}, notes=st.none() | shapes.text, tags=st.none() | st.lists(shapes.text, max_size=3)))
    items = order["order_details"]["order_items"]
    if items and draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from([item["name"] for item in items]), max_size=3))
        details["order_items"] = [{**draw(item_changes), "name": name} for name in chosen]
    costs = shapes.shape({}, discount_granted=shapes.costs, invoice_date=st.none() | shapes.text)
    return {"order_details": details, **draw(shapes.shape({}, payment_details=costs, **shapes.PARTS))}


@pytest.fixture
def stranger(serve: Any) -> TestClient:
    client: TestClient = serve()
    client.auth = STRANGER
    return client


def of_shop(order: dict[str, Any], id: int) -> str:
    """Without what is each account's own."""
    details = {**order["order_details"], "integration": {"id": id}}
    return shapes.exact(shapes.without_read_only({**order, "order_details": details}))


def test_any_order_after_any_patch(client: TestClient, stranger: TestClient, run: Run) -> None:
    """In every form: to make up an order takes longer than to write and read it."""

    @shapes.LAX
    @given(st.data())
    def law(data: st.DataObject) -> None:
        sent = data.draw(shapes.orders())
        change = data.draw(patches(sent))
        [id] = shapes.push(client, sent)
        patched = client.patch(f"{URL}/{id}", json=change)
        for form in FORMS if patched.status_code == 200 else ():
            exported = run(f"orders export --account owner --format {form}")
            there = ["--account", "stranger", "--into", str(STRANGERS_SHOP), "--json"]
            done = run(["orders", "import", "-", "--format", form, *there], input=exported.stdout_bytes)
            told = json.loads(done.stdout)
            told.pop("warnings", None)  # of what is odd in it, there as here
            assert told == MADE, done.output
            [copy] = stranger.get(URL).json()["data"]
            assert of_shop(copy, SHOP) == of_shop(shapes.read(client, id), SHOP)
            assert stranger.delete(f"{URL}/{copy['id']}").status_code == 204
        assert client.delete(f"{URL}/{id}").status_code == 204
        assume(patched.status_code == 200)  # parts that do not fit each other, like a state of another country

    law()


def test_what_null_clears_is_absent(client: TestClient) -> None:
    details = {"notes": "ring", "tags": ["a"], "order_items": [make.item(delivery_dates={"deliver_at": None})]}
    [id] = shapes.push(client, make.order(order_details=details))
    cleared = {
        "notes": None,
        "tags": None,
        "order_items": [{"name": "Green tea", "delivery_dates": None, "quantity": 0}],
    }
    assert client.patch(f"{URL}/{id}", json={"order_details": cleared}).status_code == 200
    found = shapes.read(client, id)["order_details"]
    assert not {"notes", "tags"} & found.keys()
    assert found["order_items"] == [make.item(quantity=0)]
    changes = client.get(f"/api/packhouse/orders/{id}/history").json()["data"][0]["changes"]
    assert {change["path"]: change["op"] for change in changes} == {
        "/order_details/notes": "remove",
        "/order_details/tags": "remove",
        "/order_details/order_items/0/delivery_dates": "remove",
        "/order_details/order_items/0/quantity": "replace",
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_file_may_hold_what_post_refuses(client: TestClient, run: Run, tmp_path: Path, form: str) -> None:
    """As exports of earlier versions do; there null is of no more weight than here."""
    shapes.push(client, make.order(order_details={"notes": "ring", "tags": ["a"]}))
    exported = json.loads(run("orders export --account owner --format json").stdout)[0]
    item = make.item(quantity=0, delivery_dates=None)
    odd = {
        **exported,
        "order_details": {**exported["order_details"], "notes": None, "tags": None, "order_items": [item]},
    }
    assert client.post(URL, json=[{**odd, "id": str(odd["id"])}]).status_code == 400
    path = tmp_path / f"odd.{form}"
    from_json = tmp_path / "odd.json"
    from_json.write_text(json.dumps([odd]), "utf-8")
    assert run(f"orders import {from_json} --account owner --json").exit_code == 0
    found = shapes.read(client, exported["id"])["order_details"]
    assert not {"notes", "tags"} & found.keys()
    assert found["order_items"] == [make.item(quantity=0)]
    assert run(f"orders export {path} --account owner").exit_code == 0
    again = json.loads(run(f"orders import {path} --account owner --json").stdout)
    assert again == {**MADE, "created": 0, "unchanged": 1}


@pytest.mark.one_database
def test_two_ways_to_say_the_shop_are_one_too_many(run: Run, client: TestClient) -> None:
    refused = run("orders import - --format json --account owner --integration 1 --into 2", input=b"[]")
    assert refused.exit_code == 1
    assert "--into for all records" in refused.output
    strange = run(f"orders import - --format json --account owner --into {STRANGERS_SHOP}", input=b"[]")
    assert strange.exit_code == 1
    assert f"The account has no integration {STRANGERS_SHOP}." in strange.output
    client.auth = OWNER
    assert client.get(URL).json()["data"] == []
