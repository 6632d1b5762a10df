"""Personal data on the page: for owners, with the API's words at the fields."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from packhouse.kit.redaction import ERASED
from tests import make
from tests.privacy import marked
from tests.privacy.conftest import ORDERS, push
from tests.web.conftest import token

Person = Callable[..., TestClient]
HERE = "/settings/privacy"


def send(page: TestClient, verb: str, **fields: Any) -> Any:
    form = {"csrf": token(page.get(HERE).text), **fields}
    return page.post(f"{HERE}/{verb}", data=form, follow_redirects=False)


def test_an_owner_downloads_and_erases(person: Person, client: TestClient, folder: Path) -> None:
    [id, other] = push(client, marked.order(), make.order("o-2", shipping_address=make.address()))
    page = person(documents_url=folder.as_uri())
    told = send(page, "export", email=marked.EMAIL)
    assert told.headers["content-disposition"] == 'attachment; filename="person.json"'
    assert [found["order"]["id"] for found in told.json()["orders"]] == [id]
    refused = send(page, "erase", email=marked.EMAIL)
    assert refused.status_code == 422
    assert "Tick this first" in refused.text
    assert client.get(f"{ORDERS}/{id}").json()["data"]["customer_details"]["name"] == marked.NAME
    done = send(page, "erase", email=marked.EMAIL, confirmed="1")
    assert re.search(r'<dd id="orders">1</dd>', done.text)
    assert client.get(f"{ORDERS}/{id}").json()["data"]["customer_details"] == {"name": ERASED}
    assert client.get(f"{ORDERS}/{other}").json()["data"]["shipping_address"]["name"] == "Ada Visser"
    assert "Personal data erased" in page.get(f"/orders/{id}").text
    log = page.get("/settings/audit").text
    assert "erased a person: 1 orders, 0 shipments" in log
    assert "took out a person&#39;s data: 1 orders, 0 shipments" in log
    again = send(page, "erase", email=marked.EMAIL, confirmed="1")
    assert "No order and no shipment of this person was found." in again.text


def test_what_is_missing_stands_at_its_field(person: Person) -> None:
    page = person()
    refused = send(page, "export", email="", phone="", name="Ada", postal_code="")
    assert refused.status_code == 422
    assert re.search(r'name="postal_code"[^>]* aria-invalid="true"', refused.text)
    assert "A name is looked for together with a postal code." in refused.text


def test_days_are_set_and_taken_away(person: Person, client: TestClient) -> None:
    page = person()
    assert send(page, "retention", days="730", documents_days="3650").status_code == 303
    assert client.get("/api/packhouse/privacy").json()["data"] == {"days": 730, "documents_days": 3650}
    assert 'value="730"' in page.get(HERE).text
    for wrong in ("many", "0", "-1", "1000000"):
        refused = send(page, "retention", days=wrong, documents_days="")
        assert refused.status_code == 422, wrong
        assert re.search(r'name="days"[^>]* aria-invalid="true"', refused.text)
    assert send(page, "retention", days="", documents_days="").status_code == 303
    assert client.get("/api/packhouse/privacy").json()["data"] == {"days": None, "documents_days": None}


def test_only_owners_see_it(person: Person, client: TestClient) -> None:
    [id] = push(client, marked.order())
    for role in ("packer", "viewer"):
        page = person(role)
        assert page.get(HERE).status_code == 403
        csrf = token(page.get("/orders").text)
        for verb in ("export", "erase", "retention"):
            sent = {"csrf": csrf, "email": marked.EMAIL, "confirmed": "1", "days": "1"}
            assert page.post(f"{HERE}/{verb}", data=sent).status_code == 403
    assert client.get(f"{ORDERS}/{id}").json()["data"]["customer_details"]["name"] == marked.NAME
    assert client.get("/api/packhouse/privacy").json()["data"]["days"] is None
