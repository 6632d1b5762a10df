"""`packhouse orders reindex`: orders that no worker has read are found afterwards."""

import re
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.cli.conftest import Run
from tests.conftest import STRANGER, STRANGERS_SHOP
from tests.web.conftest import people, person

__all__ = ["people", "person"]

URL = "/api/v3/orders"


def numbers(page: Any) -> list[str]:
    return re.findall(r'class="c-number"><a[^>]*>([^<]*)</a>', page.text)


def test_every_order_is_found_after_it(client: TestClient, run: Run, person: Callable[..., TestClient]) -> None:
    batch = [make.order(f"r-{n:03}", shipping_address=make.address(name=f"Zed{n:03} Quist")) for n in range(250)]
    for start in (0, 100, 200):
        assert client.post(URL, json=batch[start : start + 100]).status_code == 200
    foreign = [make.order("f-1", STRANGERS_SHOP, shipping_address=make.address(name="Zed001"))]
    assert client.post(URL, json=foreign, auth=STRANGER).status_code == 200
    page = person()
    assert numbers(page.get("/orders?q=zed001")) == []
    for _ in range(2):  # again, and nothing is there twice
        assert run("orders reindex --account owner").stdout == "250 orders can be found by what is in them.\n"
        assert numbers(page.get("/orders?q=zed001")) == ["N-r-001"]
        assert len(numbers(page.get("/orders?q=quist&size=200"))) == 200
    assert numbers(person("stranger@example.org").get("/orders?q=zed001")) == []


def test_an_account_that_is_not_there_is_named(run: Run) -> None:
    done = run("orders reindex --account nobody")
    assert (done.exit_code, "nobody" in done.stderr) == (1, True)
