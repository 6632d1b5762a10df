"""An order that was changed elsewhere while somebody looks at it: told as a notice, shown beside what is typed."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.statements import find_unnamed, listening, tables_of
from tests.web.conftest import EMAILS, token

Person = Callable[..., TestClient]
URL = "/api/v3/orders"
QUANTITY = "order_details/order_items/0/quantity"


@pytest.fixture
def order(client: TestClient) -> int:
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    sent = make.order("a-1", shipping_address=make.address(), shipping_details=measured)
    id: int = client.post(URL, json=[sent]).json()["data"][0]["id"]
    return id


def notice_of(page: TestClient, id: int, query: str = "") -> str:
    """Where the page's script asks what was done since."""
    found = re.search(r'data-changed="([^"]+)"', page.get(f"/orders/{id}{query}").text)
    assert found is not None
    return found[1].replace("&amp;", "&")


def send(page: TestClient, place: str, **fields: Any) -> Any:
    return page.post(place, data={"csrf": token(page.get("/orders").text), **fields})


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def test_nothing_is_told_where_nothing_was_done(person: Person, order: int) -> None:
    page = person()
    answer = page.get(notice_of(page, order))
    assert (answer.status_code, answer.text) == (204, "")


def test_who_changed_what_is_told(person: Person, order: int, client: TestClient) -> None:
    page, other = person(), person("packer")
    place = notice_of(page, order, "?q=a-1&parcels=3")
    client.patch(f"{URL}/{order}", json={"shipping_address": {"city": "Gouda"}})
    assert re.match(r"Changed by owner-public · .+ UTC : city Show", words(page.get(place)))
    assert send(other, f"/orders/{order}", version="2", **{QUANTITY: "5", "order_details/notes": "ring"}).is_success
    told = page.get(place)
    assert re.match(rf"Changed by {EMAILS['packer']} · .+ UTC : quantity, notes, city Show", words(told))
    assert f'hx-post="/orders/{order}/now?q=a-1&amp;parcels=3"' in told.text
    assert page.get(notice_of(page, order)).status_code == 204


def test_labels_their_cancellation_and_a_deletion_are_told(person: Person, order: int, client: TestClient) -> None:
    page, other = person(), person("packer")
    place = notice_of(page, order)
    send(other, "/orders/labels", id=str(order))
    assert words(page.get(place)).startswith(f"A label was made by {EMAILS['packer']} ")
    place = notice_of(page, order)
    [made] = client.get("/api/v3/shipments").json()["data"]
    send(other, f"/shipments/{made['id']}/cancel")
    assert words(page.get(place)).startswith("A shipment was cancelled")
    client.delete(f"{URL}/{order}")
    told = page.get(place)
    assert words(told).startswith("Deleted by owner-public ")
    assert "<button" not in told.text


def test_it_is_shown_as_it_is_now_beside_what_is_typed(person: Person, order: int, client: TestClient) -> None:
    page = person("viewer")
    client.patch(f"{URL}/{order}", json={"shipping_address": {"city": "Gouda"}, "order_details": {"notes": "hers"}})
    typed = {"order_details/notes": "mine & <mine>", "parcels/0/weight/value": "2,5", "option": "post:express"}
    answer = send(page, f"/orders/{order}/now?parcels=2", **typed)
    assert "Gouda" in answer.text
    assert 'name="order_details/notes"' not in answer.text  # a viewer has no forms
    page = person("packer")
    answer = send(page, f"/orders/{order}/now?parcels=2", **typed)
    assert ">mine &amp; &lt;mine&gt;</textarea>" in answer.text
    assert "Now: hers" in answer.text
    assert re.search(r'name="parcels/0/weight/value"[^>]*value="2,5"', answer.text)
    assert re.search(r'name="parcels/1/weight/value"', answer.text)
    assert '<option value="post:express" selected>' in answer.text
    assert answer.text.count('data-typed="kept"') == 3
    assert client.get(f"{URL}/{order}").json()["data"]["order_details"]["notes"] == "hers"


def test_a_late_form_keeps_what_was_typed_and_nothing_else(person: Person, order: int, client: TestClient) -> None:
    """Without scripts too: fields that somebody else changed show what they hold now, so a second try keeps that."""
    page = person("packer")
    text = page.get(f"/orders/{order}").text
    [was] = re.findall(r"name=\"was\" value='([^']*order_details/notes[^']*)'", text)
    client.patch(f"{URL}/{order}", json={"order_details": {"tags": ["gift"]}})
    form = {"version": "1", "was": was, "order_details/notes": "ring", "order_details/tags": ""}
    answer = send(page, f"/orders/{order}", **form)
    assert answer.status_code == 409
    fields = {name: re.search(rf'name="order_details/{name}"[^>]*>?', answer.text) for name in ("tags", "notes")}
    assert 'value="gift"' in fields["tags"][0]  # type: ignore[index]
    assert ">ring</textarea>" in answer.text
    again = {**form, "version": "2", "order_details/tags": "gift"}
    assert send(page, f"/orders/{order}", **again).status_code == 200
    details = client.get(f"{URL}/{order}").json()["data"]["order_details"]
    assert (details["tags"], details["notes"]) == (["gift"], "ring")


def test_a_stranger_hears_nothing(person: Person, order: int) -> None:
    stranger = person("stranger@example.org")
    assert stranger.get(f"/orders/{order}/changed").status_code == 404
    assert send(stranger, f"/orders/{order}/now").status_code == 404


def test_what_is_asked_names_the_account(person: Person, order: int) -> None:
    page = person()
    with listening(page) as seen:
        assert page.get(f"/orders/{order}/changed?mark=0-7").status_code == 200
    ours = [statement for statement in seen if tables_of(statement)]
    assert {"orders", "order_history", "shipments"} <= set().union(*map(tables_of, ours))
    assert {statement: found for statement in ours if (found := find_unnamed(statement))} == {}
