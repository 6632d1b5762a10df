"""The examples in the docstrings of the client, run against a server of the sandbox."""

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
from typing import Any

import httpx
import pytest

from packhouse.client import ApiError, AsyncClient, Client
from tests import make
from tests.sandbox.conftest import NewAccount


async def run(examples: list[doctest.Example], names: dict[str, Any]) -> None:
    """Run them as at a prompt that can await, and compare what they print."""
    for example in examples:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            code = compile(example.source, "<example>", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            made = eval(code, names)  # noqa: S307 - it is our own docstring
            if inspect.iscoroutine(made):
                await made
        assert shown.getvalue() == example.want, example.source


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_method_has_an_example_that_does_what_it_says(kind: Any, new_account: NewAccount) -> None:
    account = new_account()
    orders = [make.order(f"shop-{n}", order_number=f"T-{n}", shipping_address=make.address()) for n in (1, 2, 3)]
    assert account.post("/api/v3/orders", json=orders).status_code == 200
    made = account.account  # type: ignore[attr-defined]

    async def work() -> None:
        client = kind(f"{account.base_url}/api/v3", key=(made["public_key"], made["secret_key"]))
        names = {"client": client, "order": orders[0], "ApiError": ApiError, kind.__name__: kind, "print": print}
        for name, method in vars(kind).items():
            if callable(method) and not name.startswith("_"):
                examples = doctest.DocTestParser().get_examples(method.__doc__ or "")
                assert examples, f"{name} has no example"
                await run(examples, names)
        closed = client.close()
        if inspect.iscoroutine(closed):
            await closed

    asyncio.run(work())


def test_a_lost_answer_makes_no_second_label(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order("a", shipping_address=make.address())])
    made = account.account  # type: ignore[attr-defined]
    account.post("/sandbox/faults", json={"name": "answer_lost", "match": {"method": "POST"}, "times": 2})
    waits: list[float] = []
    with Client(
        f"{account.base_url}/api/v3", key=(made["public_key"], made["secret_key"]), sleep=waits.append
    ) as client:
        label = client.create_label({"integration_id": 1, "order": {"order_id": "a"}})
    assert label["parcel_id"] == 1
    assert len(waits) == 2
    assert len(account.get("/api/v3/shipments").json()["data"]) == 1
