"""Laws of updates, for any order: what is repeated changes nothing, parts add up to the whole, history tells it all."""

import copy
import itertools
from typing import Any

import jsonpatch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests import make
from tests.orders.test_round_trip import details, exact, normal, orders, payment, push, read, without_read_only

URL = "/api/v3/orders"
LAX = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
CONTAINERS = ("order_details", "payment_details", "shipping_details")


def history(client: TestClient, id: int) -> list[dict[str, Any]]:
    """Oldest first."""
    entries: list[dict[str, Any]] = client.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    return entries[::-1]


def with_other_names(order: dict[str, Any]) -> dict[str, Any]:
    """No two items of one name: a patch that says nothing else of them is refused."""
    order = copy.deepcopy(order)
    for index, item in enumerate(order["order_details"]["order_items"]):
        item["name"] += f" {index}"
    return order


def split(order: dict[str, Any]) -> list[dict[str, Any]]:
    """One key at a time, of the order and of each container; the key of the order is in none of them."""
    parts: list[dict[str, Any]] = []
    for name, value in order.items():
        if name in CONTAINERS:
            parts += [{name: {inner: part}} for inner, part in value.items() if inner != "integration"]
            parts += [{name: {}}]
        elif name != "order_id":
            parts.append({name: value})
    return parts


def join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            joined[name] = {**joined.get(name, {}), **value} if name in CONTAINERS else value
    return joined


def test_pushing_a_whole_order_again_changes_nothing(client: TestClient) -> None:
    @LAX
    @given(orders())
    def law(order: dict[str, Any]) -> None:
        [id] = push(client, order)
        before = read(client, id)
        assert push(client, order) == [id]
        assert push(client, normal(order), {**order, "id": str(id)}) == [id, id]
        assert exact(read(client, id)) == exact(before)
        assert len(history(client, id)) == 1

    law()


def test_patching_with_the_order_as_read_changes_nothing(client: TestClient) -> None:
    @LAX
    @given(orders())
    def law(order: dict[str, Any]) -> None:
        [id] = push(client, order)
        before = read(client, id)
        answer = client.patch(f"{URL}/{id}", json=before)
        receipt = {"id": id, "order_id": order["order_id"], "order_number": order["order_number"]}
        assert (answer.status_code, answer.json()) == (200, {"data": receipt})
        assert exact(read(client, id)) == exact(before)
        assert len(history(client, id)) == 1

    law()


def test_parts_one_by_one_are_their_union(client: TestClient) -> None:
    """In any order, in one batch or several, by id or by key: the parts hold different keys."""

    @LAX
    @given(orders(), st.randoms(use_true_random=False), st.booleans())
    def law(order: dict[str, Any], random: Any, by_id: bool) -> None:
        start = make.order(order["order_id"])
        twin = make.order(f"{order['order_id']} twin")
        id, twin_id = push(client, start, twin)
        parts = split(order)
        random.shuffle(parts)
        addressed = [address(part, id, start, by_id=by_id) for part in parts]
        cut = random.randint(0, len(addressed))
        for batch in (addressed[:cut], *([part] for part in addressed[cut : cut + 4]), addressed[cut + 4 :]):
            if batch:
                assert push(client, *batch) == [id] * len(batch)
        push(client, address(join(parts), twin_id, twin, by_id=True))
        found, union = without_read_only(read(client, id)), without_read_only(read(client, twin_id))
        assert exact({**union, "order_id": order["order_id"]}) == exact(found)

    law()


def address(part: dict[str, Any], id: int, start: dict[str, Any], *, by_id: bool) -> dict[str, Any]:
    """The part with the id of its order, or with the key."""
    if by_id:
        return {"id": str(id), **part}
    integration = start["order_details"]["integration"]
    held = {"integration": integration, **part.get("order_details", {})}
    return {**part, "order_id": start["order_id"], "order_details": held}


def test_an_update_is_the_same_by_key_by_id_and_in_the_batch_that_creates(client: TestClient) -> None:
    @LAX
    @given(orders(), orders())
    def law(first: dict[str, Any], second: dict[str, Any]) -> None:
        found = []
        for name, way in zip("abc", ("key", "id", "batch"), strict=True):
            before = {**first, "order_id": first["order_id"] + name}
            after = {**second, "order_id": first["order_id"] + name}
            if way == "batch":
                [id, again] = push(client, before, after)
            else:
                [id] = push(client, before)
                [again] = push(client, {**after, "id": str(id)} if way == "id" else after)
            assert id == again
            found.append(exact({**without_read_only(read(client, id)), "order_id": ""}))
        assert len(set(found)) == 1

    law()


changes = st.one_of(
    st.tuples(st.just("post"), details.map(lambda value: {"order_details": value})),
    st.tuples(st.just("post"), payment.map(lambda value: {"payment_details": value})),
    st.tuples(st.just("post"), orders()),
    st.tuples(st.just("patch"), payment.map(lambda value: {"payment_details": value})),
)


def test_the_patches_of_the_history_lead_from_each_version_to_the_next(client: TestClient) -> None:
    @LAX
    @given(orders(), st.lists(changes, max_size=4))
    def law(order: dict[str, Any], steps: list[tuple[str, dict[str, Any]]]) -> None:
        [id] = push(client, order)
        versions = [without_read_only(read(client, id))]
        for way, sent in steps:
            if way == "post":
                push(client, {**sent, "order_id": order["order_id"], "id": str(id)})
            else:
                assert client.patch(f"{URL}/{id}", json=sent).status_code == 200
            now = without_read_only(read(client, id))
            versions += [now] if exact(now) != exact(versions[-1]) else []
        entries = history(client, id)
        assert [entry["version"] for entry in entries] == list(range(1, len(versions) + 1))
        for (before, after), entry in zip(itertools.pairwise(versions), entries[1:], strict=True):
            assert exact(jsonpatch.apply_patch(before, entry["changes"])) == exact(after)

    law()
