"""A bench over HTTP: what each scan comes to, on both databases."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from starlette.testclient import TestClient

from packhouse.packing_station import schema
from tests import make
from tests.packing_station.conftest import CUP, EAN, TEAPOT, Person, Station, goods, list_labels, order, push
from tests.shipping.conftest import FakeCarrier, Watch, carrier, open_shop, shop, watch, work
from tests.web.conftest import EMAILS, sign_in, token
from tests.web.world import query

__all__ = ["carrier", "open_shop", "shop", "watch", "work"]

Bench = Callable[..., Station]


def test_an_order_is_packed_by_scans_alone(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(teapot=2, cup=1)))
    station = bench()
    assert station.scan("N-o-1").tone == "good"
    assert "1 of 2" in station.scan(TEAPOT).text
    assert "2 of 2" in station.scan(EAN).text
    done = station.scan(CUP)
    assert (done.tone, done.print_states) == ("done", [("Label", "waits")])
    assert [shipment["order_number"] for shipment in list_labels(client)] == ["N-o-1"]
    assert "Ready." in done.text
    assert "1 packed today" in done.text


@pytest.mark.one_database
def test_wrong_and_surplus_items_stop_and_say_what_they_are(bench: Bench, client: TestClient, do_jobs: Any) -> None:
    push(client, order(1, goods(teapot=1, cup=2)), order(2, [make.item(name="Plate", sku="PL-9")]))
    do_jobs()
    station = bench()
    station.scan("N-o-1")
    station.scan(TEAPOT)
    surplus = station.scan(TEAPOT)
    assert surplus.tone == "wrong"
    assert "One too many: all 1 of Teapot, blue are in." in surplus.text
    strange = station.scan("PL-9")
    assert strange.tone == "wrong"
    assert "“Plate” is not in N-o-1. Expected: Cup." in strange.text
    other = station.scan("N-o-2")
    assert (other.tone, "N-o-2 is another order" in other.text) == ("wrong", True)
    unknown = station.scan("4711")
    assert (unknown.tone, "“4711” is not in N-o-1" in unknown.text) == ("wrong", True)
    assert "0 of 2" in unknown.text
    assert list_labels(client) == []


@pytest.mark.one_database
def test_quantities_are_typed_and_never_scanned(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(teapot=1, cup=9)))
    station = bench()
    station.scan("N-o-1")
    assert station.type("3").tone == "wrong"  # of nothing
    station.scan(CUP)
    assert "2 of 9" in station.type("+").text
    assert "5 of 9" in station.type("+3").text
    assert "8 of 9" in station.type("8").text
    assert station.type("10").tone == "wrong"
    assert station.scan("9").tone == "wrong"  # a barcode that says 9 is no quantity
    assert "8 of 9" in station.look().text
    assert "7 of 9" in station.type("7").text  # fewer, too
    station.scan(TEAPOT)
    assert station.scan(CUP).tone == "good"
    assert station.scan(CUP).tone == "done"


@pytest.mark.one_database
def test_boxes_weights_and_undo(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(teapot=1, cup=2)))
    station = bench()
    station.scan("N-o-1")
    assert station.scan("PHNEXTBOX").tone == "wrong"  # nothing is in the first
    station.scan(TEAPOT)
    assert station.type("1,5 kg").tone == "good"
    station.scan("PHNEXTBOX")
    station.scan(CUP)
    assert station.scan("PHUNDO").tone == "good"
    assert "0 of 2" in station.look().text
    assert station.scan("PHDONE").tone == "wrong"
    station.scan(CUP)
    assert station.scan(CUP).tone == "done"
    [shipment] = list_labels(client)
    held = [(parcel["weight"]["value"], len(parcel["parcel_items"])) for parcel in shipment["parcels"]]
    assert [float(weight) for weight, _ in held] == [1.5, 0.8]


def test_a_held_order_is_asked_about_once(bench: Bench, client: TestClient, database_url: str) -> None:
    [id] = push(client, order(1, goods(cup=1), order_details={"status": {"code": "on_hold", "message": "Hold"}}))
    station = bench()
    asked = station.scan("N-o-1")
    assert asked.tone == "ask"
    assert "The order is on hold" in asked.text
    assert "PHGO" in asked.html
    assert station.scan(CUP).tone == "wrong"  # nothing but an answer is taken
    station.scan("PHNO")
    assert list_labels(client) == []
    station.scan("N-o-1")
    assert station.scan("PHGO").tone == "good"
    assert station.scan(CUP).tone == "done"
    assert len(list_labels(client)) == 1
    log = query(database_url, "SELECT action, detail, by, bench_id FROM packing_events ORDER BY id", whole=True)
    told = [(row.action, row.by.partition(":")[0], row.bench_id) for row in log]
    kinds = ["asked", "left", "asked", "confirmed", "opened", "count", "packed", "printed"]
    assert told == [(action, "user", station.bench) for action in kinds]
    assert "order_on_hold" in log[3].detail
    shown = station.page.get(f"/orders/{id}").text.partition("packing-log")[2]
    assert "Confirmed" in shown
    assert "Bench 1 · bo@example.com" in shown


@pytest.mark.one_database
def test_an_order_that_changes_while_it_is_packed(bench: Bench, client: TestClient) -> None:
    """Items: it is counted anew; cancelled: asked at the last item."""
    push(client, order(1, goods(teapot=1, cup=2)))
    station = bench()
    station.scan("N-o-1")
    station.scan(CUP)
    push(client, order(1, goods(teapot=1, cup=3)))
    assert station.scan(CUP).tone == "ask"
    assert station.scan("PHGO").tone == "good"
    assert "0 of 3" in station.look().text
    station.scan(CUP)
    station.type("3")
    push(client, order(1, goods(teapot=1, cup=3), order_details={"status": {"code": "cancelled", "message": "C"}}))
    asked = station.scan(TEAPOT)
    assert (asked.tone, "The order is cancelled" in asked.text) == ("ask", True)
    assert list_labels(client) == []
    station.scan("PHNO")
    assert list_labels(client) == []


def test_an_order_with_a_label_gets_no_second_one(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(cup=1)))
    sent = {"integration_id": 1, "order": {"order_id": "o-1", "apply_shipping_rules": False}}
    assert client.post("/api/v3/orders/create-label-sync", json=sent).status_code == 201
    [shipment] = list_labels(client)
    station = bench()
    # The label itself is scanned.
    assert station.scan(shipment["parcels"][0]["tracking_number"]).tone == "good"
    assert station.scan(CUP).tone == "done"
    assert len(list_labels(client)) == 1
    again = station.scan("N-o-1")
    assert (again.tone, "packed at Bench 1 already" in again.text) == ("ask", True)


@pytest.mark.one_database
def test_a_label_of_before_the_address_changed_is_asked_about(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(cup=1)))
    sent = {"integration_id": 1, "order": {"order_id": "o-1", "apply_shipping_rules": False}}
    assert client.post("/api/v3/orders/create-label-sync", json=sent).status_code == 201
    push(client, order(1, goods(cup=1), shipping_address=make.address(city="Utrecht")))
    station = bench()
    asked = station.scan("N-o-1")
    assert (asked.tone, "The address was changed after the label was made." in asked.text) == ("ask", True)
    assert station.scan("PHGO").tone == "good"
    assert station.scan(CUP).tone == "done"


def test_two_benches_at_one_order(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(teapot=1, cup=2)))
    first, second = bench(), bench("owner", "Bench 2", singles="1")
    first.scan("N-o-1")
    first.scan(CUP)
    asked = second.scan("N-o-1")
    assert (asked.tone, "It is being packed at Bench 1" in asked.text) == ("ask", True)
    assert first.scan(TEAPOT).tone == "good"  # nothing has changed for them yet
    second.scan("PHGO")
    assert "1 of 2" in second.look().text  # what was counted goes on
    taken = first.scan(CUP)
    assert (taken.tone, "taken over at Bench 2" in taken.text) == ("wrong", True)
    first.scan("PHNO")
    assert second.scan(CUP).tone == "done"
    assert len(list_labels(client)) == 1


def test_two_benches_at_the_same_moment(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(cup=1)))
    stations = [bench(), bench("owner", "Bench 2")]

    async def both() -> list[str]:
        scans = [asyncio.to_thread(station.scan, "N-o-1") for station in stations]
        return [screen.tone for screen in await asyncio.gather(*scans)]

    assert sorted(asyncio.run(both())) == ["ask", "good"]


@pytest.mark.one_database
def test_a_scan_that_is_sent_again_is_not_counted_again(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(cup=3)))
    station = bench()
    station.scan("N-o-1")
    station.scan(CUP, key="the-same")
    assert "1 of 3" in station.scan(CUP, key="the-same").text
    assert "2 of 3" in station.scan(CUP, key="another").text


@pytest.mark.one_database
def test_modes_of_a_bench(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(teapot=3, cup=2)), order(2, goods(teapot=3, cup=2)))
    once = bench(verify="once")
    once.scan("N-o-1")
    assert "3 of 3" in once.scan(TEAPOT).text
    assert once.scan(CUP).tone == "done"
    nothing = bench("owner", "Bench 2", verify="none")
    assert nothing.scan("N-o-2").tone == "done"
    assert len(list_labels(client)) == 2


def test_an_item_opens_the_oldest_order_of_just_that_one(bench: Bench, client: TestClient, do_jobs: Any) -> None:
    paused = {"order_details": {"status": {"code": "on_hold", "message": "Hold"}}}
    push(client, order(1, goods(teapot=1), **paused), order(2, goods(teapot=1, cup=1)), order(3, goods(teapot=2)))
    push(client, order(5, goods(teapot=1)), order(4, goods(teapot=1)))
    do_jobs()
    station = bench(singles="1")
    assert station.scan(EAN).tone == "done"
    assert station.scan(f"0{EAN}").tone == "done"  # the same GTIN with the zero of fourteen digits
    assert station.scan(TEAPOT).tone == "wrong"  # no more
    numbers = sorted(shipment["order_number"] for shipment in list_labels(client))
    assert numbers == ["N-o-4", "N-o-5"]
    other = bench("owner", "Bench 2")
    assert other.scan(EAN).tone == "wrong"  # its items open nothing


@pytest.mark.one_database
def test_an_order_is_put_aside_with_a_reason(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(cup=2)))
    station = bench()
    station.scan("N-o-1")
    station.scan(CUP)
    assert "put aside: an item is missing" in station.scan("PHHOLDSHORT").text
    asked = station.scan("N-o-1")
    assert (asked.tone, "It was put aside: an item is missing." in asked.text) == ("ask", True)
    station.scan("PHGO")
    assert "1 of 2" in station.look().text
    assert "is closed" in station.scan("PHCLOSE").text
    assert station.scan("N-o-1").tone == "good"
    assert "1 of 2" in station.look().text


@pytest.mark.one_database
def test_what_cannot_be_shipped_is_said_and_the_order_stays_open(bench: Bench, client: TestClient) -> None:
    unknown = {"type": "shipping_option_code", "properties": {"shipping_option_code": "nobody:fast"}}
    push(client, order(1, goods(cup=1), shipping_details={"ship_with": unknown}))
    station = bench()
    station.scan("N-o-1")
    refused = station.scan(CUP)
    assert (refused.tone, "nobody:fast" in refused.text) == ("wrong", True)
    assert "1 of 1" in refused.text
    assert list_labels(client) == []


def test_a_carrier_that_refuses_gives_the_order_back(
    people: None, shop: TestClient, carrier: FakeCarrier, work: Callable[..., int], watch: Watch
) -> None:
    """At once, or later by the worker; once it makes the label, the print job is written, and once."""
    assert people is None
    push(shop, order(1, goods(cup=1)))
    page = TestClient(shop.app, headers={"accept": "text/html"})
    page.portal = shop.portal
    assert sign_in(page, EMAILS["owner"]).status_code == 303
    page.post("/pack/bench", data={"csrf": token(page.get("/pack").text)})
    station = Station(page, int(page.cookies["packhouse_bench"]))
    station.scan("N-o-1")
    carrier.mood = "strict"
    refused = station.scan(CUP)
    assert (refused.tone, "No label for N-o-1: The postal code is not served." in refused.text) == ("wrong", True)
    assert "1 of 1" in refused.text
    carrier.mood = "away"
    assert station.scan("PHDONE").tone == "done"  # the next can be scanned
    assert "its label is being made" in station.look().text
    carrier.mood = "well"
    watch.move(seconds=100)
    for _ in range(3):
        work()
        watch.move(seconds=60)
    assert station.look().print_states == [("Label", "waits")]
    assert len(carrier.labels) == 1


@pytest.mark.one_database
def test_the_card_of_commands_is_read_by_a_scanner(bench: Bench, client: TestClient) -> None:
    assert client is not None
    station = bench()
    card = station.page.get("/pack/card")
    assert card.headers["content-type"] == "application/pdf"
    [page] = pypdfium2.PdfDocument(card.content)
    read = {found.text for found in zxingcpp.read_barcodes(page.render(scale=3).to_pil())}
    assert read == set(schema.COMMANDS)


def test_no_command_has_a_key_that_keyboards_disagree_about() -> None:
    assert not set("".join(schema.COMMANDS)) & set("AMQWYZ0123456789-")


@pytest.mark.one_database
def test_strangers_reach_no_bench(bench: Bench, person: Person, client: TestClient) -> None:
    push(client, order(1, goods(cup=1)))
    station = bench()
    stranger = person("stranger@example.org")
    form = {"csrf": token(stranger.get("/account").text), "bench": str(station.bench), "text": "N-o-1", "key": "k"}
    assert stranger.post("/pack/scan", data=form).status_code == 404
    own = re.search(r'name="csrf" value="([^"]+)"', stranger.get("/pack").text)
    assert own is not None
    stranger.post("/pack/bench", data={"csrf": own[1]})
    assert "Bench 1" in stranger.get("/pack").text  # theirs, not this one
    assert stranger.get("/pack/jobs/1/content").status_code == 404
