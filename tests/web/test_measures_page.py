"""Weights, sizes and options of a selection by HTTP: a row an order, the same for all, and refusals at the row."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.settings import Settings
from tests import make
from tests.conftest import OWNER
from tests.shipping.conftest import FakeCarrier
from tests.statements import find_unnamed, listening, tables_of
from tests.web.conftest import EMAILS, sign_in, token

Person = Callable[..., TestClient]
Jobs = Callable[..., None]
URL = "/api/v3/orders"
SIDES = ("length", "width", "height")


def measured(value: float, unit: str, **further: Any) -> dict[str, Any]:
    return {"measurement": {"weight": {"value": value, "unit": unit}, **further}}


@pytest.fixture
def ids(client: TestClient) -> list[int]:
    """One weighs what its items do; one says it itself, with its size; one cannot be shipped."""
    items = [make.item(quantity=3, **measured(500, "g")), make.item(name="Pot", quantity=1, **measured(1, "kg"))]
    size = {"dimension": {"length": 30, "width": 20.5, "height": 1, "unit": "m"}}
    sent = [
        make.order("s-1", shipping_address=make.address(), order_details={"order_items": items}),
        make.order("s-2", shipping_address=make.address(), shipping_details=measured(4, "kg", **size)),
        make.order("s-3"),
    ]
    return [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]


def open_table(page: TestClient, ids: list[int], **fields: str) -> Any:
    """As the button under the list does."""
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids)), **fields}
    return page.post("/labels/new", data=form)


def read(shown: Any) -> dict[str, Any]:
    """What the table's form sends: all fields with their values, and the boxes that are ticked."""
    text = shown.text.partition('class="measured-form"')[2].partition("</form>")[0]
    sent: dict[str, Any] = {"row": [], "id": []}
    for tag in re.findall(r"<input[^>]*>", text):
        name, value = (re.search(rf' {what}="([^"]*)"', tag) for what in ("name", "value"))
        assert name is not None
        assert value is not None
        if name[1] not in ("row", "id"):
            sent[name[1]] = html.unescape(value[1])
        elif "checkbox" not in tag or " checked" in tag:
            sent[name[1]].append(value[1])
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        first = re.search(r'<option(?: value="([^"]*)")?>([^<]*)', options)
        found = chosen or first
        assert found is not None
        sent[name] = found[2] if found[1] is None else found[1]
    return sent


def press(page: TestClient, form: dict[str, Any]) -> Any:
    return page.post("/labels/new", data=form)


def shipped(client: TestClient) -> dict[str, Any]:
    """By the order's id in its shop."""
    return {one["external_reference_id"]: one for one in client.get("/api/v3/shipments").json()["data"]}


def option_of(shipment: Any) -> Any:
    return shipment["ship_with"]["properties"]["shipping_option_code"]


def test_a_row_an_order_with_the_weight_of_its_items(person: Person, ids: list[int], client: TestClient) -> None:
    rule = {"name": "light", "conditions": {"weight": {"max": 3, "unit": "kg"}, "countries": ["NL"]}}
    rule["actions"] = {"shipping_option_code": "post:express"}
    assert client.post("/api/packhouse/shipping-rules", json=rule).status_code == 201
    shown = open_table(person("packer"), ids[:2])
    assert shown.history[0].status_code == 303
    assert shown.url.query == f"orders={ids[0]}-{ids[1]}".encode()  # it can be loaded again
    form = read(shown)
    first, second = (f"orders/{id}/" for id in ids[:2])
    assert (form["row"], form["id"]) == ([str(ids[1]), str(ids[0])], [str(ids[1]), str(ids[0])])
    assert (form[f"{first}weight/value"], form[f"{second}weight/value"]) == ("2.5", "4")
    assert [form[f"{second}dimensions/{name}"] for name in (*SIDES, "unit")] == ["30", "20.5", "1", "m"]
    assert (form[f"{first}option"], form[f"{second}option"]) == ("", "")
    suggestions = dict(re.findall(r'<select name="([^"]+/option)"[^>]*><option value="">★ ([^<]+)', shown.text))
    assert suggestions[f"{first}option"].endswith("by the rule “light”")
    assert suggestions[f"{second}option"].endswith("the account's default")
    german = person("packer")
    german.headers["accept-language"] = "de"
    assert read(open_table(german, ids[:1]))[f"{first}weight/value"] == "2,5"


def test_all_are_made_with_what_their_rows_say(
    person: Person, ids: list[int], client: TestClient, do_jobs: Jobs
) -> None:
    page = person("packer")
    form = read(open_table(page, ids[:2], option="post:express"))
    first, second = (f"orders/{id}/" for id in ids[:2])
    sides = {f"{first}dimensions/{side}": value for side, value in zip(SIDES, ("30", "20.5", "10"), strict=True)}
    form |= {f"{first}weight/value": "800", f"{first}weight/unit": "g", **sides, f"{second}option": ""}
    shown = press(page, form)
    assert shown.url.path == "/labels"
    assert "0 of 2" in shown.text
    do_jobs()
    assert "Print 2 labels in one PDF" in page.get(str(shown.url)).text
    made = shipped(client)
    [one], [other] = made["s-1"]["parcels"], made["s-2"]["parcels"]
    assert (one["weight"]["value"], other["weight"]["value"]) == ("0.800", "4.000")
    assert [float(one["dimensions"][side]) for side in SIDES] == [30, 20.5, 10]
    assert [float(other["dimensions"][side]) for side in SIDES] == [3000, 2050, 100]
    assert [item["quantity"] for item in one["parcel_items"]] == [3, 1]
    assert option_of(made["s-1"]) == "post:express"
    assert option_of(made["s-2"]) != "post:express"


def test_the_same_for_all_is_taken_over_and_nothing_is_made(person: Person, ids: list[int], client: TestClient) -> None:
    page = person("packer")
    form = read(open_table(page, ids))
    form |= {f"orders/{ids[0]}/dimensions/height": "7", "all/weight/value": "1.25", "all/weight/unit": "kg"}
    form |= {"all/dimensions/length": "40", "all/dimensions/unit": "mm", "all/option": "post:express"}
    shown = press(page, form)  # by the wrong button, or by Enter
    assert "Taken over in every row" in shown.text
    again = read(shown)
    for id in ids:
        at = f"orders/{id}/"
        assert [again[f"{at}{name}"] for name in ("weight/value", "weight/unit", "option")] == [
            "1.25", "kg", "post:express",
        ]  # fmt: skip
        assert [again[f"{at}dimensions/{name}"] for name in ("length", "unit")] == ["40", "mm"]
    assert again[f"orders/{ids[0]}/dimensions/height"] == "7"
    assert again["all/weight/value"] == ""
    assert shipped(client) == {}
    suggested = read(press(page, {**again, "all/option": "suggested"}))
    assert {suggested[f"orders/{id}/option"] for id in ids} == {""}
    assert suggested[f"orders/{ids[0]}/weight/value"] == "1.25"
    untouched = press(page, {**again, "spread": "1"})
    assert read(untouched) == again


def test_refusals_stand_at_their_rows_and_the_others_are_made(
    person: Person, ids: list[int], client: TestClient, do_jobs: Jobs
) -> None:
    page = person("packer")
    form = read(open_table(page, ids))
    form[f"orders/{ids[1]}/weight/value"] = "much"
    shown = press(page, form)
    assert shown.status_code == 422
    assert "2 orders were refused: look at their rows." in shown.text
    assert "1 label is being made." in shown.text
    told = dict(re.findall(r'id="m(\d+)" class="fault">([^<]+)<', shown.text))
    assert told[str(ids[1])] == "Weight: “much” cannot be read: a number is written like 1,234.5 here."
    assert told[str(ids[2])] == "The order has no valid shipping address."
    field = (
        rf'name="orders/{ids[1]}/weight/value"[^>]*value="much"[^>]*aria-invalid="true" aria-describedby="m{ids[1]}"'
    )
    assert re.search(field, shown.text)
    assert set(shipped(client)) == {"s-1"}
    again = read(shown)
    assert set(again["row"]) == {str(ids[1]), str(ids[2])}
    again |= {f"orders/{ids[1]}/weight/value": "3", "id": [str(ids[1])]}  # the other is left for later
    done = press(page, again)
    assert "of 2" in done.text
    do_jobs()
    assert "Print 2 labels in one PDF" in page.get(str(done.url)).text
    assert shipped(client)["s-2"]["parcels"][0]["weight"]["value"] == "3.000"


def test_a_second_packer_makes_no_second_label(person: Person, ids: list[int], client: TestClient) -> None:
    page, other = person("packer"), person("owner")
    form = read(open_table(page, ids[:2]))
    press(other, read(open_table(other, ids[:1])))
    shown = press(page, form)
    assert "It has a label already. To make another, open the order." in shown.text
    assert len(client.get("/api/v3/shipments").json()["data"]) == 2
    late = open_table(other, ids)
    assert read(late)["id"] == [str(ids[2])]  # what has a label is not ticked
    nothing = press(other, {**read(late), "id": []})
    assert (nothing.status_code, "Choose at least one order." in nothing.text) == (422, True)


def test_who_may_not_ship_and_a_stranger_see_no_table(person: Person, ids: list[int], client: TestClient) -> None:
    form = read(open_table(person("packer"), ids))
    assert open_table(person("viewer"), ids).status_code == 403
    stranger = person("stranger@example.org")
    assert open_table(stranger, ids).status_code == 404
    assert press(stranger, {**form, "csrf": token(stranger.get("/orders").text)}).status_code in (303, 200, 404)
    assert shipped(client) == {}


def test_the_table_makes_as_many_statements_at_any_size(person: Person, client: TestClient) -> None:
    sent = [make.order(f"o-{n}", shipping_address=make.address(country_code=["NL", "BE"][n % 2])) for n in range(20)]
    ids = [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]
    page = person()
    assert page.get(f"/labels/new?orders={ids[0]}").status_code == 200  # makes what an account ships with
    counts = []
    for some in (ids[:1], ids):
        with listening(page) as seen:
            assert page.get(f"/labels/new?orders={some[0]}-{some[-1]}").status_code == 200
        ours = [statement for statement in seen if tables_of(statement)]
        assert {statement: found for statement in ours if (found := find_unnamed(statement))} == {}
        counts.append(len(ours))
    assert counts[0] == counts[1]


def test_a_retry_takes_each_orders_own_option_and_weight(database_url: str, people: None, ids: list[int]) -> None:
    assert people is None
    carrier = FakeCarrier(mood="strict")
    with TestClient(create_app(Settings(database_url=database_url), carriers=[carrier])) as page:
        assert page.post("/api/packhouse/contracts", json={"carrier_code": "fake"}, auth=OWNER).status_code == 201
        page.headers["accept"] = "text/html"
        sign_in(page, EMAILS["packer"])
        form = read(open_table(page, ids[:1]))
        form |= {f"orders/{ids[0]}/option": "fake:standard", f"orders/{ids[0]}/weight/value": "7"}
        failed = press(page, form)
        assert "The postal code is not served." in failed.text
        again = re.search(r'name="again" value="([0-9]+)"', failed.text)
        option = re.search(r'name="option" value="([^"]*)"', failed.text)
        assert again is not None
        assert option is not None
        carrier.mood = "well"
        done = page.post(
            "/orders/labels", data={"csrf": token(failed.text), "again": again[1], "option": html.unescape(option[1])}
        )
        assert "Print label" in done.text or "Print 1 label" in done.text
    assert [parcel.weight for asked in carrier.asked for parcel in asked.parcels] == [7, 7]
