"""The account's day: today, figures and filters of the page go by its time zone, and the API by UTC."""

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.web.conftest import token
from tests.web.test_what_ships import text_of

Person = Callable[..., TestClient]
URL = "/api/v3/orders"


def push(client: TestClient, placed_at: str, order_id: str) -> None:
    details = {"order_created_at": placed_at}
    order = make.order(order_id, order_details=details, shipping_address=make.address())
    assert client.post(URL, json=[order]).status_code == 200


def listed(page: TestClient, query: str) -> list[str]:
    return sorted(re.findall(r">(N-[a-z]+)</a>", page.get(f"/orders?{query}").text))


def set_zone(page: TestClient, name: str) -> Any:
    return page.post("/account/time-zone", data={"csrf": token(page.get("/account").text), "time_zone": name})


def test_a_day_of_the_filters_is_one_of_the_accounts_country(person: Person, client: TestClient) -> None:
    push(client, "2026-03-13T22:59:59Z", "before")
    push(client, "2026-03-13T23:30:00Z", "first")  # half past midnight in Amsterdam
    push(client, "2026-03-14T22:59:59.999999Z", "last")
    push(client, "2026-03-14T23:00:00Z", "after")
    page = person("packer")
    assert listed(page, "from=2026-03-14&to=2026-03-14") == ["N-first", "N-last"]
    found = client.get(f"{URL}?order_created_at=2026-03-14").json()["data"]
    assert sorted(order["order_id"] for order in found) == ["after", "last"]


def test_the_days_when_clocks_change(person: Person, client: TestClient) -> None:
    push(client, "2026-03-28T23:00:00Z", "first")  # the day of 23 hours
    push(client, "2026-03-29T21:59:59Z", "last")
    push(client, "2026-03-29T22:00:00Z", "after")
    assert listed(person("packer"), "from=2026-03-29&to=2026-03-29") == ["N-first", "N-last"]


def test_owners_set_another_zone(person: Person, client: TestClient) -> None:
    push(client, "2026-03-14T02:00:00Z", "evening")  # of the 13th in New York
    owner = person("owner")
    assert "that of Netherlands: Europe/Amsterdam" in owner.get("/account").text
    assert listed(owner, "from=2026-03-14&to=2026-03-14") == ["N-evening"]
    assert set_zone(owner, "America/New_York").status_code == 200
    assert listed(owner, "from=2026-03-14&to=2026-03-14") == []
    assert listed(owner, "from=2026-03-13&to=2026-03-13") == ["N-evening"]
    refused = set_zone(owner, "Mars/Olympus")
    assert refused.status_code == 422
    assert "This is not a time zone" in refused.text
    assert listed(owner, "from=2026-03-13&to=2026-03-13") == ["N-evening"]
    set_zone(owner, "")
    assert listed(owner, "from=2026-03-14&to=2026-03-14") == ["N-evening"]
    packer = person("packer")
    form = {"csrf": token(packer.get("/account").text), "time_zone": "UTC"}
    assert packer.post("/account/time-zone", data=form).status_code == 403


@pytest.mark.parametrize(("zone", "hours"), [("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)])
def test_papers_and_files_are_of_the_accounts_day(person: Person, client: TestClient, zone: str, hours: float) -> None:
    """One of the two is on another day than UTC at any hour but one."""
    owner = person("owner")
    set_zone(owner, zone)
    push(client, "2026-03-14T10:30:00Z", "one")
    call = {"integration_id": make.SHOP, "order": {"order_id": "one"}}
    label = client.post("/api/v3/orders/create-label-sync", json=call).json()["data"]["label"]["file"]
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    made = datetime.fromisoformat(shipment["parcels"][0]["created_at"])
    day = (made + timedelta(hours=hours)).date()
    assert f"Shipped {day}" in text_of(base64.b64decode(label))
    sent = datetime.fromisoformat(shipment["parcels"][0]["announced_at"] or shipment["announced_at"])
    told = owner.get("/orders/export?format=amazon-tracking&show=all").text
    assert str((sent + timedelta(hours=hours)).date()) in told
    form = {"csrf": token(owner.get("/orders").text), "id": "1"}
    slip = text_of(owner.post("/orders/print/packing-slips", data=form).content)
    assert ("15 maart 2026" in slip) == (hours > 0), slip


def test_times_in_a_file_are_of_the_accounts_zone(
    person: Person, client: TestClient, do_jobs: Callable[..., None]
) -> None:
    owner = person("owner")
    set_zone(owner, "America/St_Johns")
    header = (
        "order_id,order_number,order_details.order_created_at,order_details.status.code,payment_details.status.code,"
    )
    header += "payment_details.total_price.value,payment_details.total_price.currency,item.name,item.quantity,"
    header += "item.total_price.value,item.total_price.currency"
    times = {"A-1": "2026-03-08 01:30", "A-2": "2026-03-08 03:30"}
    rows = [header, *(f"{id},{id},{at},new,paid,5,CAD,Tea,1,5,CAD" for id, at in times.items())]
    form = {"csrf": token(owner.get("/orders").text), "shop": str(make.SHOP)}
    shown = owner.post("/import", data=form, files={"file": ("orders.csv", "\n".join(rows).encode())})
    do_jobs()
    owner.post(f"{shown.url.path}/run", data=form)
    do_jobs()
    placed = {order["order_id"]: order["order_details"]["order_created_at"] for order in client.get(URL).json()["data"]}
    # Clocks go from two to three on that morning, half an hour behind the full hour.
    assert placed == {"A-1": "2026-03-08T05:00:00.000000+00:00", "A-2": "2026-03-08T06:00:00.000000+00:00"}


def test_a_label_of_the_accounts_day(person: Person, client: TestClient) -> None:
    push(client, "2026-03-14T12:00:00Z", "one")
    call = {"integration_id": make.SHOP, "order": {"order_id": "one"}}
    assert client.post("/api/v3/orders/create-label-sync", json=call).status_code == 201
    owner = person("owner")
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    made = shipment["parcels"][0]["created_at"]
    for zone, hours in (("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)):
        set_zone(owner, zone)
        day = (datetime.fromisoformat(made) + timedelta(hours=hours)).date()
        for on, is_found in ((day, True), (day - timedelta(days=1), False), (day + timedelta(days=1), False)):
            shown = owner.get(f"/shipments?from={on}&to={on}").text
            assert ("N-one" in shown) == is_found, (zone, on)
