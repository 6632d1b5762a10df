"""A shop's words for an order's status, and which of them stand for the four of ours."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import SECOND_SHOP, SHOP, STRANGER, STRANGERS_SHOP

STATUSES = "/api/v3/shop-order-statuses"
MAPPING = f"{STATUSES}/mapping"
CATEGORIES = ["READY_TO_SEND", "IN_TRANSIT", "DELIVERED", "CANCEL"]


def status(external_id: str, **translations: str) -> dict[str, Any]:
    words = translations or {"en_gb": external_id.title()}
    said = [{"status": word, "language": language.replace("_", "-")} for language, word in words.items()]
    return {"external_id": external_id, "translations": said}


def send(client: TestClient, *statuses: dict[str, Any], shop: int = SHOP) -> None:
    answer = client.post(STATUSES, json={"integration_id": shop, "statuses": list(statuses)})
    assert (answer.status_code, answer.content) == (200, b"null")


def fetch(client: TestClient, query: str = "", shop: int = SHOP) -> Any:
    answer = client.get(f"{STATUSES}?integration_id={shop}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_they_are_read_back_in_the_order_sent(client: TestClient) -> None:
    assert fetch(client) == []
    paid = status("paid", en_us="Paid", nl_nl="Betaald")
    send(client, status("sent"), paid, status("gone", de_de="Weg"))
    assert fetch(client) == [
        {**status("sent"), "status": "Sent", "deleted_at": None},
        {**paid, "status": "Paid", "deleted_at": None},
        {**status("gone", de_de="Weg"), "status": "Weg", "deleted_at": None},
    ]
    assert [entry["status"] for entry in fetch(client, "&language=nl-nl")] == ["Sent", "Betaald", "Weg"]
    assert fetch(client, shop=SECOND_SHOP) == []


def test_those_that_are_left_out_are_deleted_and_may_come_back(client: TestClient) -> None:
    send(client, status("a"), status("b"))
    send(client, status("b", en_gb="Bee"))
    assert [(entry["external_id"], entry["status"]) for entry in fetch(client)] == [("b", "Bee")]
    assert [entry["external_id"] for entry in fetch(client, "&show_deleted=false")] == ["b"]
    kept, gone = fetch(client, "&show_deleted=true")
    assert (kept["external_id"], kept["deleted_at"], gone["external_id"]) == ("b", None, "a")
    assert gone["deleted_at"].endswith("+00:00")
    send(client, status("a"))
    assert [entry["external_id"] for entry in fetch(client)] == ["a"]
    send(client)
    assert fetch(client) == []
    assert len(fetch(client, "&show_deleted=1")) == 2


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("statuses", "place"),
    [
        (None, ""),
        ([{"external_id": "a"}], "/0/translations"),
        ([{**status("a"), "translations": []}], "/0/translations"),
        ([status("a", xx_xx="A")], "/0/translations/0/language"),
        ([status("")], "/0/external_id"),
        ([status("a" * 401)], "/0/external_id"),
        ([status("a"), status("a", en_us="Other")], "/1/external_id"),
        ([{"external_id": "a", "translations": status("a")["translations"] + status("b")["translations"]}],
         "/0/translations/1/language"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_changes_nothing(client: TestClient, statuses: Any, place: str) -> None:
    send(client, status("stays"))
    body = {"integration_id": SHOP, **({"statuses": statuses} if statuses is not None else {})}
    answer = client.post(STATUSES, json=body)
    pointers = [fault["source"]["pointer"] for fault in answer.json()["errors"]]
    assert (answer.status_code, pointers) == (400, [f"/data/attributes/statuses{place}"])
    assert [entry["external_id"] for entry in fetch(client)] == ["stays"]


@pytest.mark.one_database
def test_an_unknown_key_hides_no_rule_between_values(client: TestClient) -> None:
    twice = [status("a")["translations"][0]] * 2
    body = {"integration_id": SHOP, "statuses": [{"external_id": "a", "translations": twice, "x": 1}], "unknown": 1}
    answer = client.post(STATUSES, json=body)
    pointer = "/data/attributes/statuses/0/translations"
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"pointer": pointer})


def mapping(*ids: str | None) -> list[dict[str, Any]]:
    pairs = zip(CATEGORIES, ids, strict=True)
    return [{"status_category": category, "external_id": id} for category, id in pairs]


def map_to(client: TestClient, entries: list[dict[str, Any]], shop: int = SHOP) -> Any:
    return client.post(MAPPING, json={"integration_id": shop, "mapping": entries})


def test_nothing_is_mapped_at_first(client: TestClient) -> None:
    empty = [{**entry, "is_valid": True} for entry in mapping(None, None, None, None)]
    answer = client.get(f"{MAPPING}?integration_id={SHOP}")
    assert answer.json() == {"data": {"integration_id": SHOP, "mapping": empty}}


def test_a_mapping_is_kept_and_says_what_is_no_longer_valid(client: TestClient) -> None:
    send(client, status("a"), status("b"))
    done = map_to(client, list(reversed(mapping("a", "b", "b", None))))
    assert (done.status_code, done.content) == (200, b"null")
    send(client, status("b"))
    found = client.get(f"{MAPPING}?integration_id={SHOP}").json()["data"]["mapping"]
    assert [(entry["status_category"], entry["external_id"], entry["is_valid"]) for entry in found] == [
        ("READY_TO_SEND", "a", False),
        ("IN_TRANSIT", "b", True),
        ("DELIVERED", "b", True),
        ("CANCEL", None, True),
    ]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("entries", "code", "place"),
    [
        (mapping(None, None, None, None)[:3], "invalid", ""),
        (mapping(None, None, None, None) * 2, "invalid", ""),
        (mapping("a", None, None, None)[:1] + mapping("b", None, None, None)[:3], "invalid", "/1/status_category"),
        ([{"status_category": "LOST", "external_id": None}, *mapping(None, None, None, None)[1:]],
         "invalid", "/0/status_category"),
        ([{"status_category": "CANCEL"}, *mapping(None, None, None, None)[:3]], "invalid", "/0/external_id"),
        (mapping("a", "nobody", None, None), "invalid_choice", "/1/external_id"),
    ],
)  # fmt: skip
def test_a_bad_mapping_is_named_and_changes_nothing(client: TestClient, entries: Any, code: str, place: str) -> None:
    send(client, status("a"), status("b"))
    map_to(client, mapping("b", None, None, None))
    answer = map_to(client, entries)
    found = [(fault["code"], fault["source"]["pointer"]) for fault in answer.json()["errors"]]
    assert answer.status_code == 400
    assert (code, f"/data/attributes/mapping{place}") in found
    kept = client.get(f"{MAPPING}?integration_id={SHOP}").json()["data"]["mapping"]
    assert kept[0] == {"status_category": "READY_TO_SEND", "external_id": "b", "is_valid": True}


@pytest.mark.parametrize("path", [STATUSES, MAPPING])
def test_the_integration_must_be_the_accounts(client: TestClient, path: str) -> None:
    for id in (987, STRANGERS_SHOP):
        answer = client.get(f"{path}?integration_id={id}")
        detail = f"Select a valid choice. {id} is not one of the available choices."
        fault = {"status": "400", "code": "invalid_choice", "title": "Invalid Choice", "detail": detail}
        assert answer.json() == {"errors": [{**fault, "source": {"parameter": "integration_id"}}]}
        body = {"integration_id": id, "statuses": [], "mapping": mapping(None, None, None, None)}
        answer = client.post(path, json=body)
        pointer = {"pointer": "/data/attributes/integration_id"}
        detail = f"Integration with id {id} does not exist"
        expected = {"status": "400", "code": "invalid", "detail": detail, "source": pointer}
        assert (answer.status_code, answer.json()) == (400, {"errors": [expected]})
    assert client.get(f"{path}?integration_id={SHOP}", auth=STRANGER).status_code == 400


@pytest.mark.one_database
def test_parameters_that_cannot_be_read_are_all_named(client: TestClient) -> None:
    answer = client.get(f"{STATUSES}?language=xx&show_deleted=maybe")
    told = [(fault["code"], fault["source"]["parameter"]) for fault in answer.json()["errors"]]
    assert told == [("required", "integration_id"), ("invalid_choice", "language"), ("invalid", "show_deleted")]
    assert client.get(f"{STATUSES}?integration_id=x").status_code == 400
