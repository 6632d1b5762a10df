"""A bench and a scanner, over HTTP and without a browser."""

import itertools
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.web.conftest import do_jobs, people, person, token

__all__ = ["do_jobs", "people", "person"]

Person = Callable[..., TestClient]
TEAPOT, CUP = "TP-1", "CU-6"
EAN = "4006381333931"
_keys = itertools.count()


def goods(**quantities: int) -> list[dict[str, Any]]:
    """Of teapots and cups; a teapot has an EAN."""
    known = {
        "teapot": make.item(name="Teapot, blue", sku=TEAPOT, ean=EAN, item_id="i-1"),
        "cup": make.item(name="Cup", sku=CUP, item_id="i-2"),
    }
    weighed = {"measurement": {"weight": {"value": 0.4, "unit": "kg"}}}
    return [{**known[name], "quantity": count, **weighed} for name, count in quantities.items()]


def order(number: int, items: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    details = {"order_created_at": f"2026-03-14T08:{number:02}:00Z", "order_items": items}
    details |= changes.pop("order_details", {})
    return make.order(f"o-{number}", order_details=details, **{"shipping_address": make.address(), **changes})


class Station:
    """A person's browser at a bench."""

    def __init__(self, page: TestClient, bench: int) -> None:
        self.page, self.bench = page, bench
        self.csrf = token(page.get("/account").text)

    def scan(self, text: str, key: str | None = None, way: str = "scan") -> "Screen":
        form = {"csrf": self.csrf, "bench": str(self.bench), "text": text, "way": way}
        form["key"] = key or f"k-{next(_keys)}"
        answer = self.page.post("/pack/scan", data=form, headers={"HX-Request": "true"})
        assert answer.status_code == 200, answer.text
        return Screen(answer.text)

    def type(self, text: str) -> "Screen":
        return self.scan(text, way="typed")

    def look(self) -> "Screen":
        self.page.cookies.set("packhouse_bench", str(self.bench))
        return Screen(self.page.get("/pack/now", headers={"HX-Request": "true"}).text)


class Screen:
    def __init__(self, text: str) -> None:
        self.html = text
        self.text = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))
        found = re.search(r'data-tone="(\w+)"', text)
        assert found is not None, text[:500]
        self.tone = found[1]

    @property
    def counts(self) -> list[str]:
        return re.findall(r"\d+ of \d+(?= ✓| (?:<|\w|$)|$)", self.text)

    @property
    def print_states(self) -> list[tuple[str, str]]:
        """Kind and state of each print job, the newest first."""
        found = re.findall(r'/content"[^>]*>([^<]+)</a> <span class="became">([^<]+)<', self.html)
        return [(kind, state) for kind, state in found]


@pytest.fixture
def bench(person: Person) -> Callable[..., Station]:
    """`bench("packer", verify="once")` makes a bench of its own and stands a person at it."""
    owners: dict[tuple[str, ...], TestClient] = {}

    def stand(
        role: str = "packer", name: str = "Bench 1", server: dict[str, Any] | None = None, **form: str
    ) -> Station:
        owner = owners.setdefault(tuple(server or ()), person("owner", **(server or {})))
        sent = {"csrf": token(owner.get("/account").text), "name": name, "verify": "each", "prints": ["label"]}
        sent |= {"label/way": "browser", "label/paper": "A6", "label/format": "pdf", "label/target": ""}
        sent |= {"documents/way": "browser", "documents/paper": "A4", "documents/format": "pdf", **form}
        answer = owner.post("/settings/benches", data=sent, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        [id, *_] = re.findall(rf'/settings/benches/(\d+)"[^>]*>{name}<', owner.get("/settings/benches").text)
        page = owner if role == "owner" else person(role, **(server or {}))
        return Station(page, int(id))

    return stand


def push(client: TestClient, *orders: dict[str, Any]) -> list[int]:
    answer = client.post("/api/v3/orders", json=list(orders))
    assert answer.status_code == 200, answer.text
    return [receipt["id"] for receipt in answer.json()["data"]]


def list_labels(client: TestClient) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = client.get("/api/v3/shipments").json()["data"]
    return answer
