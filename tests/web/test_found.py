"""What a customer or a shop wrote is found as text, and never taken for a filter."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests import make

ORDERS = "/api/v3/orders"
LONG_TAG = "wholesale customers of the northern provinces " * 8


@pytest.fixture
def page(
    person: Callable[..., TestClient], client: TestClient, do_jobs: Callable[..., None]
) -> Callable[[str], list[str]]:
    """`page("?q=ada")` gives the numbers that the list shows."""
    named = {"urgent": "tag:urgent", "swiss": "country:CH", "warned": "warning:", "plain": "Ada"}
    batch = [
        make.order(name, shipping_address=make.address(name=recipient), order_details={"tags": ["gift"]})
        for name, recipient in named.items()
    ]
    batch.append(make.order("long", order_details={"tags": [LONG_TAG, "a\x1fb"]}))
    assert client.post(ORDERS, json=batch).status_code == 200
    do_jobs()
    browser = person("viewer")

    def find(query: str) -> list[str]:
        text = browser.get(f"/orders{query}").text
        return sorted(re.findall(r">N-(\w+)</a>", text))

    return find


def test_a_customers_name_makes_no_filter(page: Callable[[str], list[str]]) -> None:
    assert page("?tag=urgent") == []
    assert page("?country=CH") == []
    assert page("?warnings=1") == []
    assert page("?q=tag:urgent") == ["urgent"]
    assert page("?q=country:CH") == ["swiss"]


def test_what_is_searched_for_is_no_filter_either(page: Callable[[str], list[str]]) -> None:
    assert page("?q=tag:gift") == []
    assert page("?q=country:NL") == []
    assert page("?q=%20tag:gift") == []
    assert page("?tag=gift") == ["plain", "swiss", "urgent", "warned"]


def test_a_tag_of_any_length_can_be_filtered_by(page: Callable[[str], list[str]]) -> None:
    assert page(f"?tag={quote(LONG_TAG)}") == ["long"]
    assert page(f"?tag={quote(LONG_TAG[:-1])}") == []
    assert page("?tag=a%1Fb") == ["long"]


def test_the_choice_of_tags_leads_to_each(person: Callable[..., TestClient], page: Callable[[str], list[str]]) -> None:
    text = person("viewer").get("/orders").text
    choice = re.search(r'<select name="tag".*?</select>', text, re.DOTALL)
    assert choice is not None
    values = re.findall(r'<option value="([^"]+)"', choice[0])
    assert len(values) == 3
    for value in values:
        assert page(f"?tag={quote(value)}")
    assert f"{LONG_TAG[:100]}…</option>" in choice[0]
