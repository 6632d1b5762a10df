"""Paths of the API that a program writes in another way."""

import pytest
from starlette.testclient import TestClient

from tests import make

pytestmark = pytest.mark.one_database

API_CLIENT = {"Accept": "application/json"}


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/orders", "/api/v3/orders"),
        ("/orders/", "/api/v3/orders"),
        ("/orders/17", "/api/v3/orders/17"),
        ("/v3/orders", "/api/v3/orders"),
        ("/api/orders", "/api/v3/orders"),
        ("/api/v2/orders/17", "/api/v3/orders/17"),
        ("/shipments", "/api/v3/shipments"),
        ("/integrations", "/api/v3/integrations"),
    ],
)
def test_a_program_is_told_where_the_api_is(client: TestClient, path: str, meant: str) -> None:
    for answer in (client.get(path, headers=API_CLIENT), client.post(path, json=[make.order()])):
        assert answer.status_code == 404
        [error] = answer.json()["errors"]
        assert (error["code"], error["detail"]) == ("not_found", f"There is no API at this path. It is at {meant}.")


def test_a_path_that_the_api_does_not_have_either(client: TestClient) -> None:
    answer = client.get("/nowhere", headers=API_CLIENT)
    assert answer.json()["errors"][0]["detail"] == "This path does not exist."
    assert client.get("/api/v3/nowhere").json()["errors"][0]["detail"] == "This path does not exist."


def test_people_still_find_the_page_there(client: TestClient) -> None:
    answer = client.get("/orders", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?then=%2Forders")
