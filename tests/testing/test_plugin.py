"""The pytest plugin and the class behind it, as the tests of an integration use them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhouse.testing import Sandbox, SandboxError
from tests import make
from tests.test_house import ROOT

TESTS = """
import urllib.error, urllib.request, json, http.client
import pytest
from packhouse.testing import SandboxError

ORDER = ORDER_TEXT

def push(account):
    return account.request("POST", "/api/v3/orders", [ORDER])

def push_with_retry(account):
    try:
        return push(account)
    except http.client.RemoteDisconnected:
        return push(account)

def test_red(packhouse):
    packhouse.add_fault("answer_lost", method="POST")
    push(packhouse)

def test_green(packhouse):
    packhouse.add_fault("answer_lost", method="POST")
    push_with_retry(packhouse)
    packhouse.verify(method="POST", path="/api/v3/orders", body={"order_id": "o-1"}, times=2)
    assert len(packhouse.request("GET", "/api/v3/orders")["data"]) == 1

def test_a_webhook_that_comes_twice_is_counted_once(packhouse):
    packhouse.seed(1)
    packhouse.add_delivery_fault("duplicate")
    packhouse.trigger("orders.order.created", inbox="shop")
    first, second = packhouse.inbox("shop", count=2, wait="5s")
    assert first["body"] == second["body"]

def test_apart(packhouse):
    assert packhouse.list_requests() == []
    assert packhouse.request("GET", "/api/v3/orders")["data"] == []
"""


def test_a_lost_answer_makes_a_test_red(tmp_path: Path) -> None:
    file = tmp_path / "test_shop.py"
    file.write_text(TESTS.replace("ORDER_TEXT", repr(make.order())))
    words = ["-p", "no:xdist", "-p", "no:cacheprovider", "-q", "-W", "error"]
    command = [sys.executable, "-m", "pytest", *words, "--rootdir", str(tmp_path), str(file)]
    path = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 3 passed" in done.stdout, done.stdout
    assert "FAILED test_shop.py::test_red" in done.stdout


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profile="reference") as started:
        yield started


def test_an_account_does_what_its_methods_say(sandbox: Sandbox) -> None:
    account = sandbox.create_account(orders=2)
    assert account.api_url == f"{sandbox.url}/api/v3"
    account.snapshot()
    assert account.seed(3, seed=9) == 3
    assert account.seed([make.order()]) == 1
    assert len(account.request("GET", "/api/v3/orders")["data"]) == 6
    account.freeze()
    assert isinstance(account.advance("2h"), list)
    account.resume()
    account.restore()
    assert len(account.request("GET", "/api/v3/orders")["data"]) == 2
    account.add_fault(then={"status": 503}, path="/api/v3/orders", nth=1)
    with pytest.raises(SandboxError) as refused:
        account.request("GET", "/api/v3/orders")
    assert refused.value.status == 503
    account.clear_faults()
    account.verify(path="/api/v3/orders", status=503, times=1)
    with pytest.raises(AssertionError, match="Nearest"):
        account.verify(path="/api/v3/orders", query={"page_size": "1"})
    assert [entry["status"] for entry in account.list_requests(path="/api/v3/orders")][-1] == 503
    account.reset()
    assert account.list_requests() == []
    account.close()
    with pytest.raises(SandboxError):
        account.list_requests()


def test_a_sandbox_that_runs_is_used(sandbox: Sandbox) -> None:
    with Sandbox(sandbox.url) as same:
        assert same.create_account().auth
    assert sandbox.create_account().name  # it was not ended


def test_a_sandbox_that_does_not_start_is_said_so() -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        Sandbox(profile="none").start()
