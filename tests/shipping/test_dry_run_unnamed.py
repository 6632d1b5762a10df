"""A dry run that names no order."""

from starlette.testclient import TestClient


def test_a_dry_run_that_names_no_order_finds_none(client: TestClient) -> None:
    answer = client.post("/api/packhouse/shipping-rules/dry-run", json={"integration_id": 1})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")
