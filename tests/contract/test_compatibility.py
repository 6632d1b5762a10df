import re

import pytest
from starlette.testclient import TestClient

from tests.contract import compatibility


def test_the_table_of_paths_is_that_of_the_routes() -> None:
    text = compatibility.PAGE.read_text("utf-8")
    assert compatibility.to_page(text) == text, "python -m tests.contract.compatibility"
    keys = {f"{row[0].replace('{id}', '{}')}" for row in compatibility.list_rows()}
    told = {re.sub(r"\{\w*\}", "{}", key) for key in keys}
    assert compatibility.DIFFERS.keys() <= told


def list_served() -> list[tuple[str, str, str]]:
    return [row for row in compatibility.list_rows() if row[1] != "not served"]


@pytest.mark.one_database
def test_what_is_not_served_answers_404(client: TestClient) -> None:
    patterns = [re.sub(r"\{\w*\}", "[^/]+", row[0].partition(" ")[2]) for row in list_served()]
    for row in compatibility.list_rows():
        method, _, path = row[0].partition(" ")
        if row[1] == "not served" and not any(re.fullmatch(pattern, path) for pattern in patterns):
            answer = client.request(method, re.sub(r"\{\w*\}", "1", path))
            assert answer.status_code == 404, row
            assert answer.json()["errors"][0]["code"] == "not_found"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "path", ["/api/v3/nonsense", "/api/v3/parcels", "/api/v3/parcels/1", "/api/v2/orders", "/api/v3/"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_nothing_is_405_where_nothing_is(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 404
