"""Service points: imported, told by carriers, found by place, and checked when a label goes to one."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.carriers import Contract, Unreachable
from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.kit.messages import message
from packhouse.shipping.service_points import demo, geometry, operations, queries, schema
from packhouse.shipping.service_points.geometry import Position
from packhouse.shipping.service_points.schema import Search
from tests import make
from tests.conftest import OWNER, STRANGER
from tests.contract import shapes
from tests.shipping.conftest import FakeCarrier, Open, Watch

URL = "/api/v3/service-points"
V2 = "/api/v2/service-points"
IMPORT = "/api/packhouse/service-points/import"
LABEL = "/api/v3/orders/create-label-sync"
DAM = (52.3731, 4.8926)

CSV = """carrier_service_point_id;name;street;house_number;postal_code;city;country_code;latitude;longitude;general_shop_type;monday;tuesday;is_active
DAM1;Dam shop;Dam;1;1012 JS;Amsterdam;NL;52.3731;4.8926;servicepoint;09:00-12:00 13:00-18:00;09:00-18:00;
LEI1;Leidsestraat locker;Leidsestraat;2;1017 PA;Amsterdam;NL;52,3650;4,8852;locker;00:00-24:00;00:00-24:00;true
UTR1;Utrecht shop;Oudegracht;3;3511 AZ;Utrecht;NL;52.0920;5.1190;post_office;;09:00-17:00;
OFF1;Shut shop;Damrak;4;1012 LH;Amsterdam;NL;52.3750;4.8960;servicepoint;09:00-12:00;;false
BRU1;Brussels shop;Grand Place;5;1000;Brussel;BE;50.8467;4.3525;servicepoint;09:00-12:00;;
"""  # noqa: E501


def import_csv(client: TestClient, text: str = CSV, carrier: str = "house") -> dict[str, Any]:
    answer = client.post(f"{IMPORT}?carrier_code={carrier}", content=text, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def search(client: TestClient, **parameters: Any) -> list[dict[str, Any]]:
    answer = client.get(URL, params={"country_code": "NL", **parameters})
    assert answer.status_code == 200, answer.text
    assert shapes.find_errors("service-points", "get", "/service-points", answer) == []
    return list(answer.json()["data"]["results"])


def codes(points: Sequence[Mapping[str, Any]]) -> list[str]:
    return [point["carrier_service_point_id"] for point in points]


def test_a_file_is_imported_and_found_by_everything(client: TestClient) -> None:
    assert import_csv(client) == {"stored": 5, "gone": 0}
    assert codes(search(client)) == ["DAM1", "LEI1", "UTR1"]
    near = search(client, latitude=DAM[0], longitude=DAM[1])
    assert [(point["carrier_service_point_id"], point["distance"]) for point in near] == [
        ("DAM1", 0),
        ("LEI1", 1031),
        ("UTR1", 34853),
    ]
    assert codes(search(client, latitude=DAM[0], longitude=DAM[1], radius=1100)) == ["DAM1", "LEI1"]
    assert codes(search(client, latitude=DAM[0], longitude=DAM[1], limit=1)) == ["DAM1"]
    box = {"sw_latitude": 52.3, "sw_longitude": 4.8, "ne_latitude": 52.4, "ne_longitude": 4.89}
    assert codes(search(client, **box)) == ["LEI1"]
    assert search(client, **box)[0]["distance"] is None
    wide = {"sw_latitude": 30, "sw_longitude": -10, "ne_latitude": 60, "ne_longitude": 20}
    assert codes(search(client, **wide)) == ["DAM1", "LEI1", "UTR1"]
    assert codes(search(client, general_shop_type="locker")) == ["LEI1"]
    assert codes(search(client, general_shop_type=["locker", "post_office"])) == ["LEI1", "UTR1"]
    assert codes(search(client, carrier_service_point_id="UTR1")) == ["UTR1"]
    assert codes(search(client, open_on="2026-03-16")) == ["DAM1", "LEI1"]  # a Monday
    assert codes(search(client, open_on="2026-03-17")) == ["DAM1", "LEI1", "UTR1"]
    assert search(client, open_on="2026-03-18") == []
    assert codes(search(client, carrier_code="house")) == ["DAM1", "LEI1", "UTR1"]
    assert codes(search(client, use_integration_carriers="true")) == ["DAM1", "LEI1", "UTR1"]
    assert codes(search(client, country_code="BE")) == ["BRU1"]
    [point] = search(client, carrier_service_point_id="DAM1")
    assert point["carrier"]["code"] == "house"
    assert len(point["opening_times"]["monday"]) == 2
    assert point["opening_times"]["sunday"] is None
    assert set(point) == {
        "id", "name", "carrier", "carrier_service_point_id", "carrier_shop_type", "general_shop_type", "address",
        "position", "contact", "opening_times", "is_open_tomorrow", "next_open_at", "is_expired", "distance",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "status", "precision", "found"),
    [
        ({"address_postal_code": "1012js"}, "matched", "postal_code", True),
        ({"address_postal_code": "1012 ZZ"}, "partially_matched", "postal_code", True),
        ({"address_postal_code": "1013 AA"}, "partially_matched", "region", True),
        ({"address_city": "amsterdam"}, "matched", "city", True),
        ({"address_city": "Amsterdam", "address_street": "Dam"}, "partially_matched", "city", True),
        ({"address": "Dam 1, 1012 JS Amsterdam"}, "matched", "postal_code", True),
        ({"address": "Somewhere, Utrecht, Netherlands"}, "matched", "city", True),
        ({"address": "9999 ZZ Nowhere"}, "not_found", None, False),
        ({"address_house_number": "1"}, "not_found", None, False),
    ],
)
@pytest.mark.one_database
def test_an_address_is_found_by_postal_code_and_city(
    client: TestClient, sent: dict[str, str], status: str, precision: str | None, found: bool
) -> None:
    import_csv(client)
    answer = client.get(URL, params={"country_code": "NL", **sent})
    data = answer.json()["data"]
    assert shapes.find_errors("service-points", "get", "/service-points", answer) == []
    assert (data["geocoding"]["status"], data["geocoding"]["precision"]) == (status, precision)
    assert bool(data["results"]) is found
    assert all(isinstance(point["distance"], int) for point in data["results"])


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("", "required", "country_code"),
        ("country_code=XX", "invalid_choice", "country_code"),
        ("country_code=NL&general_shop_type=pub", "invalid_choice", "general_shop_type"),
        ("country_code=NL&latitude=north&longitude=4", "invalid", "latitude"),
        ("country_code=NL&latitude=52", "validation_error", "longitude"),
        ("country_code=NL&sw_latitude=52&sw_longitude=4&ne_latitude=53", "validation_error", "ne_longitude"),
        ("country_code=NL&radius=5000", "validation_error", "radius"),
        ("country_code=NL&address=Dam&radius=99", "invalid", "radius"),
        ("country_code=NL&limit=201", "invalid", "limit"),
        ("country_code=NL&open_on=monday", "invalid", "open_on"),
        (
            "country_code=NL&use_integration_carriers=1&carrier_code=house",
            "validation_error",
            "use_integration_carriers",
        ),
        ("country_code=NL&address=a%00b", "invalid", "address"),
    ],
)
@pytest.mark.one_database
def test_each_wrong_parameter_is_named(client: TestClient, query: str, code: str, parameter: str) -> None:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    faults = [(fault["code"], fault["source"]["parameter"]) for fault in answer.json()["errors"]]
    assert (code, parameter) in faults
    assert shapes.find_errors("service-points", "get", "/service-points", answer) == []


@pytest.mark.one_database
def test_a_carrier_without_points_is_refused_without_a_place(client: TestClient) -> None:
    answer = client.get(f"{URL}?country_code=NL&carrier_code=ups")
    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["code"], "source" in fault) == (400, "validation_error", False)


def test_one_is_read_and_its_availability_asked(client: TestClient) -> None:
    import_csv(client)
    [dam] = search(client, carrier_service_point_id="DAM1")
    answer = client.get(f"{URL}/{dam['id']}")
    assert shapes.find_errors("service-points", "get", "/service-points/{service_point_id}", answer) == []
    assert "distance" not in answer.json()["data"]
    path = "/service-points/{service_point_id}/check-availability"
    answer = client.post(f"{URL}/{dam['id']}/check-availability")
    assert shapes.find_errors("service-points", "post", path, answer) == []
    assert answer.json() == {"data": {"is_available": True}}
    import_csv(client, "\n".join(line for line in CSV.splitlines() if "DAM1" not in line))
    assert client.get(f"{URL}/{dam['id']}").json()["data"]["is_expired"] is True
    assert client.post(f"{URL}/{dam['id']}/check-availability").json() == {"data": {"is_available": False}}
    assert "DAM1" not in codes(search(client))
    assert import_csv(client) == {"stored": 5, "gone": 0}
    assert search(client, carrier_service_point_id="DAM1")[0]["id"] == dam["id"]
    for id in ("99999", "x", "0"):
        answer = client.get(f"{URL}/{id}")
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["detail"] == "The service point could not be found"
    client.auth = STRANGER
    assert client.get(f"{URL}/{dam['id']}").status_code == 404
    assert search(client) == []


def test_version_2_reads_the_same_points(client: TestClient) -> None:
    import_csv(client)
    answer = client.get(f"{V2}?country=NL&latitude={DAM[0]}&longitude={DAM[1]}&carrier=house&radius=2000")
    assert shapes.find_errors("service-points-v2", "get", "/service-points", answer) == []
    first = answer.json()[0]
    assert (first["code"], first["latitude"], first["distance"]) == ("DAM1", "52.373100", 0)
    assert first["formatted_opening_times"]["0"] == ["09:00 - 12:00", "13:00 - 18:00"]
    assert first["formatted_opening_times"]["6"] == []
    one = client.get(f"{V2}/{first['id']}")
    assert shapes.find_errors("service-points-v2", "get", "/service-points/{service_point_id}", one) == []
    assert client.get(f"{V2}/{first['id']}/check-availability").json() is True
    assert client.get("/api/v2/carriers").json() == ["house"]
    found = client.get(f"{V2}?country=NL&postal_code=1012JS&city=amsterdam&house_number=1").json()
    assert [point["code"] for point in found] == ["DAM1"]
    assert client.get(f"{V2}?country=NL&postal_code=1012JS&house_number=9").json() == []
    for path, status in (("?country=QQ", 400), ("/99999", 404)):
        wrong = client.get(V2 + path)
        assert (wrong.status_code, set(wrong.json())) == (status, {"error"})
        assert wrong.json()["error"]["code"] == status
    client.auth = None  # type: ignore[assignment]
    assert client.get(f"{V2}?country=NL&access_token={OWNER[0]}").status_code == 200
    assert client.get(f"{V2}?country=NL&access_token=nobody").status_code == 401
    assert client.get(f"{V2}?country=NL").status_code == 401
    assert client.get(f"{URL}?country_code=NL&access_token={OWNER[0]}").status_code == 401


GEOJSON = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [4.8926, 52.3731]},
            "properties": {
                "carrier_code": "post",
                "carrier_service_point_id": "G1",
                "name": "Dam",
                "street": "Dam",
                "postal_code": "1012JS",
                "city": "Amsterdam",
                "country_code": "NL",
                "email": None,
                "opening_times": {"monday": [{"start_time": "09:00", "end_time": "12:00"}]},
            },
        }
    ],
}


@pytest.mark.one_database
def test_geojson_is_imported_and_every_flaw_has_its_place(client: TestClient) -> None:
    answer = client.post(IMPORT, content=json.dumps(GEOJSON), headers={"Content-Type": "application/geo+json"})
    assert answer.json() == {"data": {"stored": 1, "gone": 0}}
    assert codes(search(client, latitude=DAM[0], longitude=DAM[1])) == ["G1"]
    text = CSV.replace("52.3731", "north").replace("09:00-17:00", "nine to five").replace("LEI1", "UTR1")
    answer = client.post(f"{IMPORT}?carrier_code=house", content=text)
    pointers = [fault["source"]["pointer"] for fault in answer.json()["errors"]]
    assert pointers == [
        "/data/attributes/[0]/latitude",
        "/data/attributes/[2]/opening_times/tuesday",
    ]
    for body in (b"\xff\xfe", b"{", b"a,b\n1,2", b'{"type":"Feature"}', b""):
        assert client.post(IMPORT, content=body).status_code == 400
    twice = CSV.replace("LEI1", "DAM1")
    assert "named twice" in client.post(f"{IMPORT}?carrier_code=house", content=twice).text
    assert client.post(IMPORT, content=CSV).status_code == 400  # which carrier nobody said
    assert codes(search(client)) == ["G1"]


def order_to(client: TestClient, **point: str) -> Any:
    body = [make.order("o-1", shipping_address=make.address(), service_point_details=point)]
    assert client.post("/api/v3/orders", json=body).status_code == 200
    return client.post(LABEL, json={"integration_id": make.SHOP, "order": {"order_id": "o-1"}})


def test_a_label_goes_to_a_point_that_exists_and_is_open(client: TestClient) -> None:
    assert order_to(client, id="4711").status_code == 201  # nobody has told this carrier's points
    import_csv(client)
    [dam] = search(client, carrier_service_point_id="DAM1")
    for point in ({"id": str(dam["id"])}, {"carrier_service_point_id": "DAM1"}, {"id": "DAM1"}):
        answer = order_to(client, **point)
        assert answer.status_code == 201, answer.text
        shipment = client.get(f"/api/v3/shipments/{answer.json()['data']['shipment_id']}").json()["data"]
        assert shipment["to_service_point"] == {"id": str(dam["id"]), "carrier_service_point_id": "DAM1"}
    before = len(client.get("/api/v3/shipments").json()["data"])
    for name, told in (("NONE", "has no service point NONE"), ("OFF1", "is closed")):
        answer = order_to(client, carrier_service_point_id=name)
        [fault] = answer.json()["errors"]
        assert (answer.status_code, fault["code"]) == (400, "validation_error")
        assert told in fault["detail"]
    assert len(client.get("/api/v3/shipments").json()["data"]) == before


@dataclass
class TellingCarrier(FakeCarrier):
    """One that tells its service points."""

    points: Sequence[Mapping[str, Any]] = ()

    async def list_service_points(self, country_code: str, _contract: Contract | None, /) -> Any:
        if self.mood == "away":
            raise Unreachable(message("nobody home"))
        return [point for point in self.points if point["country_code"] == country_code]


@pytest.mark.one_database
def test_a_carrier_tells_its_points(carrier: FakeCarrier, open_shop: Open, watch: Watch) -> None:
    told = {**make_point(1), "name": "Fake point"}
    telling = TellingCarrier(points=[told, {**told, "country_code": "BE", "carrier_service_point_id": "B"}])
    carrier.__class__ = TellingCarrier  # the server is made of the fixture's carrier
    carrier.points = telling.points  # type: ignore[attr-defined]
    client = open_shop()
    refresh = "/api/packhouse/service-points/refresh"
    asked = {"carrier_code": "fake", "country_code": "NL"}
    assert client.post(refresh, json=asked).json() == {"data": {"stored": 1, "gone": 0}}
    assert codes(search(client, carrier_code="fake")) == ["P1"]
    watch.move(seconds=1)
    carrier.points = []  # type: ignore[attr-defined]
    assert client.post(refresh, json=asked).json() == {"data": {"stored": 0, "gone": 1}}
    assert search(client) == []
    carrier.mood = "away"
    assert client.post(refresh, json=asked).status_code == 503
    answer = client.post(refresh, json={**asked, "carrier_code": "post"})
    assert answer.json()["errors"][0]["source"] == {"pointer": "/data/attributes/carrier_code"}


def test_the_demo_set_is_what_demo_orders_go_to() -> None:
    points = schema.read_points(demo.make_points())
    assert len(points) > 50
    assert {point["country_code"] for point in points} == {"NL", "BE", "DE", "FR", "PL"}


def test_the_nearest_are_found_exactly(database_url: str) -> None:
    asyncio.run(compare(database_url, count=20_000))


async def compare(url: str, count: int) -> None:
    """With what looking at each of them gives."""
    db = Database(url)
    try:
        points = [make_point(number) for number in range(count)]
        await operations.store_points(db, 1, operations.FILE, points, now=clock.now())
        for number in range(15):
            position = Position(51 + number % 7 * 0.3, 4.2 + number % 5 * 0.4)
            async with db.read() as tx:
                found = await queries.find_points(tx, 1, Search("NL", position=position))
            distances = [point.distance or 0 for point in found]
            assert distances == sorted(distances)
            true = sorted(geometry.find_distance(position, Position(p["latitude"], p["longitude"])) for p in points)
            assert distances == [metres for metres in true if metres <= 50_000][:100]
    finally:
        await db.close()


def make_point(number: int) -> dict[str, Any]:
    """Spread evenly over three by three degrees."""
    return {
        "carrier_code": "house",
        "carrier_service_point_id": f"P{number}",
        "name": f"Point {number}",
        "street": "Street",
        "postal_code": f"{1000 + number % 9000}AB",
        "city": "City",
        "country_code": "NL",
        "latitude": 50.5 + number * 0.754877666 % 3,
        "longitude": 3.5 + number * 0.569840296 % 3,
    }
