"""The server is killed while a person's file of orders is read, and while it is stored: nothing is doubled, it goes on
by itself, and until then its page says how far it came."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.settings import Settings
from tests import make
from tests.concurrency import served
from tests.conftest import OWNER
from tests.shipping.conftest import Watch, watch
from tests.web.conftest import EMAILS, people, sign_in, token
from tests.web.test_import_page import figures

__all__ = ["people", "watch"]

COUNT = 1_500
# In the middle of storing, not at a time of the clock: once so many orders are there.
STORED_BEFORE_KILL = 300
QUICK = {"worker_lease_seconds": 1, "log_level": "error"}


@pytest.fixture(scope="module")
def content() -> bytes:
    """A line an order, an empty line between any two."""
    return "\n\n".join(json.dumps(make.order(f"o-{n}", order_number=f"N-{n}")) for n in range(COUNT)).encode()


def enter(client: Any) -> Any:
    client.headers["accept"] = "text/html"
    assert sign_in(client, EMAILS["owner"]).status_code == 303
    return client


def put_in(page: Any, content: bytes) -> str:
    """Its address."""
    form = {"csrf": token(page.get("/orders").text)}
    answer = page.post("/import", data=form, files={"file": ("orders.jsonl", content)}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def look(page: Any, place: str) -> Any:
    answer = page.get(place, headers={"hx-request": "true"})
    assert answer.status_code == 200, answer.text
    return answer


def done(page: Any, place: str) -> int:
    found = re.search(r"([0-9,]+) of ([0-9,]+) records", look(page, place).text)
    assert found is not None
    return int(found[1].replace(",", ""))


def send(page: Any, content: bytes) -> None:
    """Nobody answers it."""
    with pytest.raises(httpx.TransportError):
        put_in(page, content)


def count_orders(client: Any) -> dict[str, int]:
    """The id by the shop's id of each order; a second one of a key fails."""
    found: dict[str, int] = {}
    url: str | None = "/api/v3/orders?page_size=200&sort=pk"
    while url is not None:
        answer = client.get(url)
        for order in answer.json()["data"]:
            assert order["order_id"] not in found
            found[order["order_id"]] = order["id"]
        url = answer.links.get("next", {}).get("url")
    return found


def test_storing_goes_on_where_it_was_killed(
    database_url: str, people: None, content: bytes, tmp_path: Path, watch: Watch
) -> None:
    assert people is None
    log = tmp_path / "log"
    with served.serve(database_url, log, **QUICK) as server, server.client(auth=None) as page:
        place = put_in(enter(page), content)
        served.wait_until(lambda: "checked, nothing stored yet" in look(page, place).text)
        page.post(f"{place}/run", data={"csrf": token(page.get("/orders").text)})
        served.wait_until(lambda: done(page, place) >= STORED_BEFORE_KILL)
        server.kill()
    watch.move(minutes=1)
    with TestClient(create_app(Settings(database_url=database_url), now=watch)) as later:
        shown = look(enter(later), place)
        assert "at a standstill" in later.get("/import").text
        later.auth = OWNER
        count = len(count_orders(later))
    assert STORED_BEFORE_KILL <= count < COUNT
    assert figures(shown)["created"] == f"{count:,}"  # what is told is what is there
    assert f"up to line {2 * count - 1:,}<" in shown.text
    assert "Nothing has happened since" in shown.text
    assert "nothing is stored twice" in shown.text
    with served.serve(database_url, log, **QUICK) as server, server.client(auth=None) as page:
        enter(page)
        served.wait_until(lambda: 'href="/orders">To the incoming orders' in look(page, place).text)
        outcome = figures(look(page, place))
        with server.client() as reader:
            found = count_orders(reader)
            assert set(found) == {f"o-{n}" for n in range(COUNT)}
            for name in ("o-0", f"o-{count - 1}", f"o-{count}", f"o-{COUNT - 1}"):
                history = reader.get(f"/api/packhouse/orders/{found[name]}/history").json()["data"]
                assert [entry["version"] for entry in history] == [1]
    assert outcome == {"created": f"{COUNT:,}", "updated": "0", "unchanged": "0", "refused": "0"}


def test_a_file_that_was_being_read_is_told_of_and_stores_nothing(
    database_url: str, people: None, content: bytes, tmp_path: Path, watch: Watch
) -> None:
    assert people is None
    with (
        served.serve(database_url, tmp_path / "log", "--no-worker", **QUICK) as server,
        server.client(auth=None) as page,
        server.client(auth=None) as other,
    ):
        enter(page)
        sender = threading.Thread(target=send, args=(page, b"\n\n".join([content] * 25)))
        sender.start()
        enter(other)
        served.wait_until(lambda: 'href="/import/' in other.get("/import").text)
        place = re.findall(r'href="(/import/\d+)"', other.get("/import").text)[0]
        served.wait_until(lambda: "up to line" in look(other, place).text)
        server.kill()
        sender.join()
    watch.move(minutes=1)
    with TestClient(create_app(Settings(database_url=database_url), now=watch)) as later:
        text = enter(later).get("/import").text
        assert "at a standstill" in text
        shown = look(later, place).text
        assert "The server was stopped while it read this file." in shown
        line = re.search(r"up to line ([0-9,]+)<", shown)
        assert line is not None
        assert 1 < int(line[1].replace(",", "")) < 50 * COUNT
        later.post(f"{place}/stop", data={"csrf": token(text)})
        assert "at a standstill" not in later.get("/import").text
