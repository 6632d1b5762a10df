"""What a request says and nobody reads is told to the client."""

import pytest
from starlette.testclient import TestClient

from packhouse.app import ROUTES
from tests import make

HEADER = "Packhouse-Ignored"


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/api/v3/orders?stauts=paid", "stauts (did you mean status?)"),
        ("GET", "/api/v3/orders?stauts=&stauts=b&x%C3%A9=1", "stauts (did you mean status?), x%C3%A9"),
        ("GET", "/api/v3/orders?status=paid&integration[0]=1&page_size=1&cursor=", None),
        ("GET", "/api/v3/orders/1?expand=1", "expand"),
        ("POST", "/api/v3/shipping-options?page=1", "page"),
        ("GET", "/api/v3/shipments?parcel_status=DELIVERED&page-size=3", "page-size (did you mean page_size?)"),
        ("GET", "/api/v3/orders?page_size=zero&limit=1", "limit"),
        ("GET", "/api/v3/parcel-documents/label?parcels=1&parcels[1]=2&pages=1", "pages"),
        ("GET", "/api/packhouse/audit-log?nonsense=1", None),
        ("GET", "/health?nonsense=1", None),
    ],
)
@pytest.mark.one_database
def test_a_parameter_that_is_not_read_is_named(client: TestClient, method: str, path: str, told: str | None) -> None:
    answer = client.request(method, path)
    assert answer.headers.get(HEADER) == told
    assert answer.status_code < 500


@pytest.mark.one_database
def test_what_is_named_is_bounded(client: TestClient) -> None:
    answer = client.get("/api/v3/orders?" + "&".join(f"{'x' * 500}{n}=1" for n in range(100)))
    assert len(answer.headers[HEADER]) < 2_000


@pytest.mark.one_database
def test_every_route_of_version_3_declares_what_it_reads() -> None:
    routes = [route for route in ROUTES if route.path.startswith("/api/v3/")]
    assert len(routes) > 30
    assert [route.path for route in routes if route.operation is None and "oauth2" not in route.path] == []


@pytest.mark.one_database
def test_patch_warns_of_unknown_keys_as_post_does(client: TestClient) -> None:
    [receipt] = client.post("/api/v3/orders", json=[make.order()]).json()["data"]
    url = f"/api/v3/orders/{receipt['id']}"
    answer = client.patch(url, json={"order_numbr": "1", "order_details": {"colour": "red", "notes": "a"}})
    assert answer.status_code == 200
    warnings = answer.json()["meta"]["warnings"]
    assert {(warning["code"], warning["source"]["pointer"]) for warning in warnings} == {
        ("unknown_field", "/data/attributes/order_numbr"),
        ("unknown_field", "/data/attributes/order_details/colour"),
    }
    whole = client.get(url).json()["data"]
    assert whole["order_details"]["notes"] == "a"
    assert "meta" not in client.patch(url, json=whole).json()
    assert "unknown_field" not in client.patch(url, json={"order_number": "7"}).text


@pytest.mark.one_database
def test_delete_of_an_order_that_is_gone_says_what_get_says(client: TestClient) -> None:
    gone = client.get("/api/v3/orders/987")
    assert client.delete("/api/v3/orders/987").json() == gone.json()
    assert client.delete("/api/v3/orders/x").json() == gone.json()
