"""What every page has: its policy, its files, its language, and errors made for people."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make

Person = Callable[..., TestClient]


@pytest.fixture
def backend() -> str:
    """None of this depends on the database."""
    return "sqlite"


def test_the_policy_lets_nothing_in_from_elsewhere_and_no_script_stand_in_a_page(person: Person) -> None:
    client = person()
    for place in ("/orders", "/sign-in", "/nothing"):
        answer = client.get(place)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert (policy["script-src"], policy["style-src"], policy["img-src"]) == ("'self'", "'self'", "'self' data:")
        assert policy["frame-ancestors"] == "'none'"
        assert not re.search(
            r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|(?:href|src|action)=.https?://", answer.text
        )
    assert "https:" in person(outside_images=True).get("/orders").headers["content-security-policy"]


def test_files_are_named_by_their_content_and_kept_for_good(person: Person) -> None:
    client = person()
    places = set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', client.get("/orders").text))
    assert len(places) >= 5
    for place in places:
        answer = client.get(place)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert client.get(re.sub("/assets/[0-9a-f]+", "/assets/000000000000", min(places))).status_code == 404


def test_a_person_gets_a_page_and_a_program_the_error_list(person: Person) -> None:
    client = person()
    page = client.get("/nothing")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in page.text
    for headers, place in (({"accept": "*/*"}, "/nothing"), ({"accept": "text/html"}, "/api/v3/nothing")):
        answer = client.get(place, headers=headers)
        assert answer.json()["errors"][0]["code"] == "not_found"


def test_what_a_shop_sends_is_text_and_nothing_else(person: Person, client: TestClient) -> None:
    nasty = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"
    order = make.order(
        order_number=nasty[:200],
        order_details={"tags": [nasty], "notes": nasty, "status": {"code": "a", "message": nasty}},
        shipping_address=make.address(name=nasty, company_name=nasty, city=nasty),
        shipping_details={"delivery_indicator": nasty},
    )
    assert client.post("/api/v3/orders", json=[order]).status_code == 200
    page = person().get("/orders").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page


@pytest.mark.parametrize(("asked", "locale"), [("de-CH,en;q=0.5", "en-GB"), ("en-US", "en-US"), ("xx", "en-GB")])
def test_the_page_speaks_as_the_reader_writes(person: Person, asked: str, locale: str) -> None:
    """A language that has no translation yet is answered in English."""
    found = re.search(r'<html lang="([^"]+)"', person().get("/orders", headers={"accept-language": asked}).text)
    assert found is not None
    assert found[1].startswith((locale, asked[:2]))


def test_colours_are_kept(person: Person) -> None:
    client = person()
    page = client.get("/orders").text
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token is not None
    assert "data-theme" not in page
    sent: dict[str, Any] = {"csrf": token[1], "theme": "dark", "language": "en", "then": "/orders"}
    assert 'data-theme="dark"' in client.post("/preferences", data=sent).text
