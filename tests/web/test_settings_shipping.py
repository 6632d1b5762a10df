"""Settings by HTTP: what an account ships with, and its rules tried on an order."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import SECOND_SHOP, SHOP
from tests.web.test_settings import send, stored

Person = Callable[..., TestClient]
SENDER = {
    "name": "Ada <Visser>", "address_line_1": "Kade", "house_number": "1", "postal_code": "1011 AB",
    "city": "Amsterdam", "country_code": "NL",
}  # fmt: skip


def read(client: TestClient, what: str) -> Any:
    return client.get(f"/api/packhouse/{what}").json()["data"]


def test_a_sender_address_is_added_changed_and_made_the_default(person: Person, client: TestClient) -> None:
    page = person()
    refused = send(page, "/settings/senders", **{**SENDER, "city": "", "country_code": "ZZ", "email": "x"})
    assert refused.status_code == 422
    assert refused.text.count('class="told fault"') == 3
    assert 'value="Ada &lt;Visser&gt;"' in refused.text
    stored(send(page, "/settings/senders", **SENDER, phone_number="+31201234567"))
    made = read(client, "sender-addresses")[-1]
    assert (made["name"], made["phone_number"], made["is_default"]) == ("Ada <Visser>", "+31201234567", False)
    assert "Ada &lt;Visser&gt;" in page.get("/settings/senders").text
    place = f"/settings/senders/{made['id']}"
    assert 'value="1011 AB"' in page.get(place).text
    stored(send(page, place, **{**SENDER, "city": "Utrecht"}))
    changed = read(client, "sender-addresses")[-1]
    assert (changed["city"], "phone_number" in changed) == ("Utrecht", False)
    assert "Field required" in send(page, place, **{**SENDER, "city": ""}).text
    stored(send(page, f"{place}/default"))
    assert read(client, "sender-addresses")[-1]["is_default"]
    stored(send(page, f"{place}/delete"))
    assert page.get(place).status_code == 404


def test_a_brand_is_added_changed_made_the_default_and_deleted(person: Person, client: TestClient) -> None:
    page = person()
    refused = send(page, "/settings/brands", name="", website="nowhere", email="x")
    assert refused.status_code == 422
    api = client.post("/api/packhouse/brands", json={"website": "nowhere", "email": "x"})
    told = re.findall(r'class="told fault">([^<]+)<', refused.text)
    assert [unescape(words) for words in told] == [fault["detail"] for fault in api.json()["errors"]]
    assert 'value="nowhere"' in refused.text
    stored(send(page, "/settings/brands", name="Tea <b>", website="https://tea.example.com"))
    stored(send(page, "/settings/brands", name="Coffee"))
    tea, coffee = read(client, "brands")
    assert tea == {"id": tea["id"], "name": "Tea <b>", "website": "https://tea.example.com"}
    listed = page.get("/settings/brands").text
    assert 'Tea &lt;b&gt;</a> <span class="tag">default<' in listed
    place = f"/settings/brands/{tea['id']}"
    assert 'value="https://tea.example.com"' in page.get(place).text
    assert 'value="nowhere"' in send(page, place, name="Tea", website="nowhere").text
    stored(send(page, place, name="Tea", email="tea@example.com"))
    assert read(client, "brands")[0] == {"id": tea["id"], "name": "Tea", "email": "tea@example.com"}
    stored(send(page, f"/settings/brands/{coffee['id']}/default"))
    assert read(client, "shipping-settings")["default_brand_id"] == coffee["id"]
    assert 'Coffee</a> <span class="tag">default<' in page.get("/settings/brands").text
    stored(send(page, f"{place}/delete"))
    assert [brand["name"] for brand in read(client, "brands")] == ["Coffee"]
    assert page.get(place).status_code == 404
    assert send(page, f"{place}/default").status_code == 404
    stranger = person("stranger@example.org")
    assert stranger.get(f"/settings/brands/{coffee['id']}").status_code == 404
    assert send(stranger, f"/settings/brands/{coffee['id']}/delete").status_code == 404


def test_credentials_of_a_contract_are_kept_and_never_shown(person: Person, client: TestClient) -> None:
    page = person("owner", secret_key="a key for these tests, long enough")
    fields = {"carrier_code": "post", "name": "Post 2027", "is_active": "1"}
    wrong = send(page, "/settings/contracts", **fields, credentials="no colon hunter2")
    assert wrong.status_code == 422
    assert "hunter2" not in wrong.text
    stored(send(page, "/settings/contracts", **fields, credentials="username: ada\npassword: hunter2"))
    made = read(client, "contracts")[-1]
    assert (made["name"], made["is_active"]) == ("Post 2027", True)
    place = f"/settings/contracts/{made['id']}"
    text = page.get(place).text
    assert "kept; leave empty" in text
    assert "hunter2" not in text
    stored(send(page, place, carrier_code="post", name="Post"))
    changed = read(client, "contracts")[-1]
    assert (changed["name"], changed["is_active"]) == ("Post", False)
    assert "inactive" in page.get("/settings/contracts").text
    assert "kept; leave empty" in page.get(place).text
    stored(send(page, f"{place}/delete"))


def test_without_a_secret_key_credentials_are_refused_with_the_reason(person: Person, backend: str) -> None:
    """SQLite keeps a key file beside the database."""
    sent = {"carrier_code": "post", "credentials": "username: ada"}
    answer = send(person(), "/settings/contracts", **sent)
    assert answer.status_code == (303 if backend == "sqlite" else 503)
    assert ("PACKHOUSE_SECRET_KEY" in answer.text) == (backend != "sqlite")


def test_the_default_option_is_chosen_among_those_the_account_has(person: Person, client: TestClient) -> None:
    page = person()
    text = page.get("/settings/options").text
    assert re.search(r'value="house:standard"[^>]*checked', text)
    stored(send(page, "/settings/options", default_shipping_option_code="post:parcel", gs1_company_prefix="8712345"))
    settings = read(client, "shipping-settings")
    assert (settings["default_shipping_option_code"], settings["gs1_company_prefix"]) == ("post:parcel", "8712345")
    for fields in (
        {"default_shipping_option_code": "x:y"},
        {"default_shipping_option_code": "house:standard", "gs1_company_prefix": "x"},
    ):
        refused = send(page, "/settings/options", **fields)
        assert refused.status_code == 422
        assert 'class="told fault"' in refused.text
    assert read(client, "shipping-settings") == settings


def rule(page: TestClient, name: str, **fields: Any) -> Any:
    return stored(
        send(
            page,
            "/settings/rules",
            **{"name": name, "is_active": "1", "actions/shipping_option_code": "post:parcel", **fields},
        )
    )


def test_a_rule_says_what_it_is_for(person: Person, client: TestClient) -> None:
    page = person()
    assert page.get("/settings/rules/new").status_code == 200
    rule(
        page,
        "light <NL>",
        **{
            "conditions/countries": "nl, be",
            "conditions/tags": "gift",
            "conditions/weight/max": "2.5",
            "conditions/weight/unit": "kg",
            "conditions/total_price/min": "10",
            "conditions/total_price/currency": "EUR",
            "conditions/integrations": [str(SHOP)],
        },
    )
    [made] = read(client, "shipping-rules")
    assert made["conditions"] == {
        "countries": ["NL", "BE"],
        "tags": ["gift"],
        "integrations": [SHOP],
        "weight": {"max": 2.5, "unit": "kg"},
        "total_price": {"min": 10, "currency": "EUR"},
    }
    assert made["actions"] == {"shipping_option_code": "post:parcel"}
    assert "light &lt;NL&gt;" in page.get("/settings/rules").text
    place = f"/settings/rules/{made['id']}"
    shown = page.get(place).text
    assert 'value="NL, BE"' in shown
    refused = send(page, place, **{"name": "", "conditions/countries": "NL, Q", "conditions/weight/min": "heavy"})
    assert refused.status_code == 422
    assert refused.text.count('class="told fault"') >= 3
    assert 'value="heavy"' in refused.text
    stored(send(page, place, name="all"))
    [changed] = read(client, "shipping-rules")
    assert (changed["conditions"], changed["actions"], changed["is_active"]) == ({}, {}, False)
    stored(send(page, f"{place}/delete"))
    assert read(client, "shipping-rules") == []


def test_rules_are_moved_and_tried_in_their_order(person: Person, client: TestClient) -> None:
    page = person()
    for name in ("one", "two", "three"):
        rule(page, name)

    def order() -> list[str]:
        return [made["name"] for made in read(client, "shipping-rules")]

    ids = {made["name"]: made["id"] for made in read(client, "shipping-rules")}
    stored(send(page, f"/settings/rules/{ids['three']}/move", to="up"))
    assert order() == ["one", "three", "two"]
    stored(send(page, f"/settings/rules/{ids['one']}/move", to="down"))
    assert order() == ["three", "one", "two"]
    stored(send(page, f"/settings/rules/{ids['three']}/move", to="up"))
    assert order() == ["three", "one", "two"]
    assert send(page, "/settings/rules/999/move", to="up").status_code == 404


@pytest.mark.one_database
def test_the_try_out_says_which_rule_and_why(person: Person, client: TestClient) -> None:
    page = person()
    sent = [
        make.order("t-1", shipping_address=make.address(country_code="NL")),
        make.order("t-2", integration=SECOND_SHOP, order_number="N-t-1"),
    ]
    client.post("/api/v3/orders", json=sent)
    rule(page, "to Germany", **{"conditions/countries": "DE"})
    rule(page, "to the Netherlands", **{"conditions/countries": "NL", "actions/shipping_option_code": "house:standard"})
    rule(page, "anything")
    text = page.get(f"/settings/rules?number=N-t-1&shop={SHOP}").text
    assert "The order goes to NL; the rule is for DE." in text
    applied = re.search(r'<li class="applied"><strong>([^<]+)', text)
    assert applied is not None
    assert applied[1] == "to the Netherlands"
    assert "would match, but an earlier one applies" in text
    assert "No order has this number." in page.get("/settings/rules?number=N-none").text
    assert "The order goes to no country" in page.get(f"/settings/rules?number=N-t-1&shop={SECOND_SHOP}").text
    assert "No order has this number." in person("stranger@example.org").get("/settings/rules?number=N-t-1").text


def test_a_rule_may_take_the_cheapest_of_several(person: Person, client: TestClient) -> None:
    page = person()
    both = ["house:standard", "house:express"]
    sent = {"name": "Cheap", "is_active": "1", "actions/cheapest_of": both}
    refused = send(page, "/settings/rules", **sent, **{"actions/shipping_option_code": "house:standard"})
    assert "Choose either one option or several" in refused.text
    stored(send(page, "/settings/rules", **sent))
    [rule] = read(client, "shipping-rules")
    assert rule["actions"] == {"cheapest_of": both}
    shown = page.get(f"/settings/rules/{rule['id']}").text
    assert shown.count('name="actions/cheapest_of"') > 2
    assert 'name="actions/cheapest_of" value="house:express" checked' in shown
    assert "the cheapest of Own delivery, Own delivery, express" in page.get("/settings/rules").text
    stored(send(page, f"/settings/rules/{rule['id']}", **{**sent, "actions/cheapest_of": both[:1]}))
    assert read(client, "shipping-rules")[0]["actions"] == {"cheapest_of": both[:1]}


def test_codes_from_elsewhere_are_named_for_options_here(person: Person, client: TestClient) -> None:
    page = person()
    place = "/settings/options/aliases"
    assert "Field required" in send(page, place, code="", option="house:express").text
    assert "code of an option here" in send(page, place, code="house:standard", option="house:express").text
    assert send(page, place, code="x:y", option="none:such").status_code == 422
    stored(send(page, place, code="mondial_relay:point", option="house:express"))
    stored(send(page, place, code="9", option="house:standard"))
    known = {"mondial_relay:point": "house:express", "9": "house:standard"}
    assert read(client, "shipping-settings")["option_aliases"] == known
    assert "<code>mondial_relay:point</code></td><td>Own delivery, express" in page.get("/settings/options").text
    stored(send(page, f"{place}/delete", code="9"))
    assert read(client, "shipping-settings")["option_aliases"] == {"mondial_relay:point": "house:express"}
