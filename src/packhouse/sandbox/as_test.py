"""A recorded request as a test for pytest, with what has to be there before it."""

import pprint
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from packhouse.kit import errors
from packhouse.kit.messages import foreign
from packhouse.sandbox import replay
from packhouse.sandbox.faults import NAMED
from packhouse.sandbox.journal import Entry
from packhouse.sandbox.world import World

MOST_STEPS = 50
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_OF_CLIENTS = replay.NOT_REPEATED | {"accept", "content-type", "user-agent"}
_VOLATILE = re.compile(r".*(_at|_on|uuid|link|url|file|timestamp|token|secret|_key)$|shipment_id|next|previous|links")
_WIDTH = 100


def to_test(entry: Entry, world: World) -> str:
    """The text of a module with one test: the writes before the request, the request, and what was answered. Raises
    Conflict where a body was too long to be kept, or is no JSON."""
    name = re.sub(r"\W+", "_", f"{entry.method} {entry.path}".lower()).strip("_")
    steps = [*_list_steps(entry, world), *_ask(entry, world)]
    is_lost = entry.status is None
    heading = ["import http.client", "", "import pytest", ""] if is_lost else []
    first = [f'"""Made of request {entry.id} in the journal of a Packhouse sandbox."""', "", *heading]
    contains = "from packhouse.testing import assert_contains" if not is_lost and _expects(entry) is not None else ""
    imports = [contains, ""] if contains else []
    body = textwrap.indent("\n".join(steps), "    ")
    return "\n".join([*first, *imports, "", f"def test_{name}(packhouse):", body, ""])


def _list_steps(entry: Entry, world: World) -> Iterator[str]:
    """What was stored before, in its order; the accounts of tests begin empty, and with the same ids."""
    for count, seed in world.seeds:
        yield f"packhouse.seed({count}, seed={seed})"
    before = [
        each
        for each in world.journal
        if each.id < entry.id and each.method in _WRITES and 200 <= (each.answered or 0) < 300
    ]
    if world.journal.has_forgotten or len(before) > MOST_STEPS:
        yield f"# Only the last {min(MOST_STEPS, len(before))} writes before the request are repeated here."
    for each in before[-MOST_STEPS:]:
        yield _to_call(each)


def _to_call(entry: Entry) -> str:
    words = [repr(entry.method), repr(entry.url)]
    if entry.request_body.size:
        words.append(_to_body(entry))
    headers = {name: value for name, value in entry.request_headers if name.lower() not in _OF_CLIENTS}
    if headers:
        words.append(f"headers={_to_text(headers)}")
    return f"packhouse.send({', '.join(words)})"


def _to_body(entry: Entry) -> str:
    value = entry.request_body.to_value()
    if value is None or not entry.request_body.is_whole:
        detail = "The body of request {} is no JSON, or was too long to be kept."
        raise errors.Conflict(errors.ErrorItem("conflict", foreign(detail.format(entry.id))))
    return _to_text(value)


def _to_text(value: Any) -> str:
    return pprint.pformat(value, width=_WIDTH, sort_dicts=False)


def _ask(entry: Entry, world: World) -> Iterator[str]:
    is_by_header = any(name.lower() == "packhouse-fault" for name, _ in entry.request_headers)
    if entry.fault is not None and not is_by_header:
        yield _to_fault(entry.fault, world)
    if entry.status is None:
        yield "with pytest.raises((http.client.HTTPException, ConnectionError)):"
        yield textwrap.indent(_to_call(entry), "    ")
        return
    yield f"answer = {_to_call(entry)}"
    yield f"assert answer.status == {entry.status}"
    expected = _expects(entry)
    if expected is not None:
        yield f"assert_contains(answer.json(), {_to_text(expected)})"


def _to_fault(name: str, world: World) -> str:
    if name in NAMED:
        return f"packhouse.add_fault({name!r}, times=1)"
    then = next((rule.then for rule in world.faults.rules if name in (rule.name, f"fault {rule.id}")), None)
    return (
        f"# The fault {name!r} is no more." if then is None else f"packhouse.add_fault(then={_to_text(then)}, times=1)"
    )


def _expects(entry: Entry) -> Any:
    """Return what of an answer is the same in each run; None where that is nothing."""
    value = entry.response_body.to_value() if entry.response_body.is_whole else None
    return _without_volatile(value) or None


def _without_volatile(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: entry for name, entry in value.items() if not _VOLATILE.fullmatch(name)}
        return {name: _without_volatile(entry) for name, entry in kept.items()}
    return [_without_volatile(entry) for entry in value] if isinstance(value, list) else value
