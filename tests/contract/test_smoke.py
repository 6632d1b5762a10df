from starlette.testclient import TestClient

from tests import make


def test_an_order_is_stored_and_read_back(client: TestClient) -> None:
    order = make.order()
    assert client.post("/api/v3/orders", json=[order]).json() == {
        "data": [{"id": 1, "order_id": "o-1", "order_number": "N-o-1"}]
    }
    read = client.get("/api/v3/orders/1").json()["data"]
    assert {name: value for name, value in read.items() if name not in ("id", "created_at", "modified_at")} == order
    assert client.post("/api/v3/orders", json=[make.key(notes="ring")]).status_code == 200
    assert client.get("/api/v3/orders/1").json()["data"]["order_details"]["notes"] == "ring"
    assert len(client.get("/api/v3/orders").json()["data"]) == 1
    assert [e["action"] for e in client.get("/api/packhouse/orders/1/history").json()["data"]] == ["updated", "created"]
    assert client.delete("/api/v3/orders/1").status_code == 204
    assert client.get("/api/packhouse/orders/1/history").status_code == 200
