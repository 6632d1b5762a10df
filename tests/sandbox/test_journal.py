"""The journal of a sandbox: what was asked and answered, and what Packhouse thought of it."""

import subprocess
import threading
import time
from typing import Any

import httpx
import pytest

from packhouse.sandbox import journal
from tests import make


def list_requests(account: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.get("/sandbox/requests", params=query).json()["data"]
    return found


def test_a_request_is_kept_with_its_answer(account: httpx.Client) -> None:
    sent = [make.order("a")]
    answer = account.post("/api/v3/orders", json=sent, headers={"X-Shop": "tea"})
    [entry] = list_requests(account)
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/api/v3/orders", 200)
    assert entry["route"] == "/api/v3/orders"
    assert entry["request_id"] == answer.headers["X-Request-Id"]
    assert entry["request"]["body"] == sent
    assert entry["response"]["body"] == answer.json()
    assert ["x-shop", "tea"] in [[name.lower(), value] for name, value in entry["request"]["headers"]]
    assert entry["milliseconds"] > 0


def test_secrets_are_not_kept(account: httpx.Client) -> None:
    token = account.post("/oauth2/token", data={"grant_type": "client_credentials"}).json()["access_token"]
    account.get("/api/v3/orders", headers={"Authorization": f"Bearer {token}", "X-Api-Token": "hush"})
    made = account.post("/api/packhouse/clients", json={"name": "reports"}).json()
    kept = account.get("/sandbox/requests").text + account.get("/sandbox/har").text
    _, secret = account.auth._auth_header.split()  # type: ignore[union-attr]
    hidden = [token, secret, "hush", made.get("data", made)["client_secret"]]
    assert all(hidden)
    assert [word for word in hidden if word in kept] == []


def test_what_is_dropped_in_silence_is_noted(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[{**make.order(), "colour": "red"}])
    account.get("/api/v3/orders", params={"page_sise": "2", "status": ""})
    account.patch("/api/v3/orders/1", json={"order_number": "N-2", "colour": "red"})
    account.get("/v3/orders")
    account.post("/api/v3/orders", json=[{"order_id": "b"}])
    posted, listed, patched, lost, refused = list_requests(account)
    assert ("warning: unknown_field", "/data/attributes/[0]/colour") in to_notes(posted)
    assert to_notes(listed) == [("unknown_parameter", "page_sise"), ("empty_parameter", "status")]
    assert to_notes(patched) == [("warning: unknown_field", "/data/attributes/colour")]
    assert ("no_route", "/v3/orders") in to_notes(lost)
    assert {code for code, _ in to_notes(refused)} == {"error: invalid"}
    assert all(note["detail"] for entry in list_requests(account) for note in entry["notes"])


def to_notes(entry: dict[str, Any]) -> list[tuple[str, str]]:
    return [(note["code"], note["place"]) for note in entry["notes"] if note["code"] != "strict_client"]


def test_the_journal_is_filtered(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order()])
    account.get("/api/v3/orders/1")
    account.get("/api/v3/orders/99")
    assert [e["path"] for e in list_requests(account, method="get")] == ["/api/v3/orders/1", "/api/v3/orders/99"]
    assert [e["path"] for e in list_requests(account, status=404)] == ["/api/v3/orders/99"]
    assert len(list_requests(account, path="/api/v3/orders/{id}")) == 2
    assert len(list_requests(account, path="/api/v3/*/1")) == 1
    [first, second, third] = list_requests(account)
    assert list_requests(account, after=first["id"], limit=1) == [second]
    assert list_requests(account, limit=1) == [third]
    assert account.get("/sandbox/requests?status=no").status_code == 400
    assert account.get("/sandbox/requests?after=-1").status_code == 400
    assert account.delete("/sandbox/requests").status_code == 204
    assert list_requests(account) == []


def test_the_next_request_is_waited_for(account: httpx.Client, new_account: Any) -> None:
    def ask() -> None:
        time.sleep(0.3)
        httpx.get(f"{account.base_url}/api/v3/orders", auth=account.auth)

    thread = threading.Thread(target=ask)
    thread.start()
    began = time.monotonic()
    [entry] = list_requests(account, wait=20, short="true")
    assert 0.2 < time.monotonic() - began < 10
    assert entry["path"] == "/api/v3/orders"
    assert "request" not in entry
    thread.join()
    assert list_requests(new_account(), wait=1) == []


@pytest.mark.parametrize(
    ("wanted", "is_met"),
    [
        ({"method": "POST", "path": "/api/v3/orders", "times": 2}, True),
        ({"method": "POST", "path": "/api/v3/orders"}, True),
        ({"method": "POST", "path": "/api/v3/orders", "times": 1}, False),
        ({"path": "/api/v3/orders", "body": {"order_id": "a"}, "times": 1}, True),
        ({"path": "/api/v3/orders", "body": [{"order_details": {"order_items": [{"name": "Green tea"}]}}]}, True),
        ({"path": "/api/v3/orders", "body": {"order_id": "a", "order_number": "other"}}, False),
        ({"path": "/api/v3/orders", "query": {"page_size": "1"}}, True),
        ({"path": "/api/v3/orders", "query": {"page_size": "2"}}, False),
        ({"headers": {"x-shop": "t*"}, "at_most": 1}, True),
        ({"status": 404, "times": 0}, True),
        ({"method": "DELETE", "at_most": 3}, True),
        ({"method": "GET", "at_least": 2}, False),
    ],
)
def test_what_was_asked_is_asserted(account: httpx.Client, wanted: dict[str, Any], is_met: bool) -> None:
    account.post("/api/v3/orders", json=[make.order("a")], headers={"X-Shop": "tea"})
    account.post("/api/v3/orders", json=[make.order("b"), make.order("c")])
    account.get("/api/v3/orders?page_size=1")
    answer = account.post("/sandbox/verify", json=wanted)
    assert answer.status_code == (200 if is_met else 409)
    assert answer.json()["data"]["is_met"] is is_met


def test_what_is_not_met_says_what_is_near(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order("a")])
    wanted = {"method": "POST", "path": "/api/v3/orders", "body": {"order_id": "a", "order_number": "N-b"}}
    [near] = account.post("/sandbox/verify", json=wanted).json()["data"]["nearest"]
    assert near["differences"] == [{"path": "/0/order_number", "expected": "N-b", "actual": "N-a"}]
    assert account.post("/sandbox/verify", json={"methods": "POST"}).status_code == 400


def test_an_archive_has_all_requests(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order()])
    log = account.get("/sandbox/har").json()["log"]
    [entry] = log["entries"]
    assert log["version"] == "1.2"
    assert entry["request"]["url"] == f"{account.base_url}/api/v3/orders"
    assert '"order_id"' in entry["request"]["postData"]["text"]
    assert entry["response"]["status"] == 200
    assert entry["response"]["content"]["mimeType"] == "application/json"


def test_a_request_is_sent_again(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order("a")])
    account.delete("/api/v3/orders/1")
    first = list_requests(account)[0]
    again = account.post(f"/sandbox/requests/{first['id']}/replay")
    assert again.status_code == 201
    assert again.json()["data"]["response"]["body"]["data"][0]["order_id"] == "a"
    assert account.get("/api/v3/orders/2").status_code == 200
    assert account.post("/sandbox/requests/999/replay").status_code == 404


def test_a_request_is_copied_as_curl(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order("it's")], headers={"Idempotency-Key": "k-1"})
    curl = account.get("/sandbox/requests/1").json()["data"]["curl"]
    account.delete("/api/v3/orders/1")
    done = subprocess.run(["bash", "-c", f"{curl} -s"], capture_output=True, text=True, check=True)
    assert '"order_id":"it\'s"' in done.stdout
    entries = list_requests(account)
    assert entries[-1]["request"]["body"] == entries[0]["request"]["body"]


def test_the_page_shows_requests_and_nothing_that_they_say_runs(account: httpx.Client) -> None:
    page = {"Accept": "text/html"}
    name = account.account["name"]  # type: ignore[attr-defined]
    assert "Nobody has asked anything yet" in account.get("/sandbox", headers=page).text
    account.post("/api/v3/orders", json=[{**make.order("<script>x"), "colour": 1}])
    listed = account.get("/sandbox", headers=page).text
    assert "POST /api/v3/orders" in listed
    assert "warning: unknown_field" in listed
    one = httpx.get(f"{account.base_url}/sandbox", params={"account": name, "request": 1})
    assert "&lt;script&gt;x" in one.text
    assert "<script>x" not in one.text
    assert "curl -i -X POST" in one.text
    assert "script-src 'nonce-" in one.headers["Content-Security-Policy"]
    again = account.post("/sandbox/requests/1/replay", headers=page, follow_redirects=False)
    assert (again.status_code, again.headers["location"]) == (303, f"/sandbox?account={name}&request=2")
    root = httpx.get(f"{account.base_url}/", headers=page)
    assert (root.status_code, root.headers["location"]) == (307, "/sandbox")


def test_a_page_of_another_site_changes_nothing(account: httpx.Client) -> None:
    for path in ("/sandbox/reset", "/sandbox/accounts", "/sandbox/faults"):
        assert account.post(path, json={}, headers={"Origin": "https://shop.example.com"}).status_code == 403


def test_the_journal_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_ENTRIES", 5)
    monkeypatch.setattr(journal, "MOST_BYTES", 2_500)
    kept = journal.Journal()

    def add(size: int) -> None:
        entry = journal.Entry(0, "", "a", "GET", "/", "", [])
        entry.request_body.add(b"x" * size)
        kept.add(entry)

    for _ in range(8):
        add(10)
    assert [entry.id for entry in kept] == [4, 5, 6, 7, 8]
    add(2_470)
    assert [entry.id for entry in kept] == [6, 7, 8, 9]
    body = journal.Body()
    for _ in range(3):
        body.add(b"x" * 400_000)
    assert (len(body.content), body.size, body.is_whole) == (journal.LONGEST_BODY, 1_200_000, False)
