"""Strict mode: what Packhouse passes over in silence, or reads for the sake of old clients, is an error."""

from collections.abc import Iterable

import orjson

from packhouse.kit import errors
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import foreign
from packhouse.sandbox import spellings
from packhouse.sandbox.spellings import Problem

HEADER = b"packhouse-strict"


def is_wanted(headers: Iterable[tuple[bytes, bytes]], *, otherwise: bool) -> bool:
    """What the header of a request says, `true` or `false`, goes before what holds for its account."""
    sent = next((value.strip().lower() for name, value in headers if name.lower() == HEADER), None)
    return otherwise if sent is None else sent not in (b"false", b"0", b"off", b"no")


def find_refusal(route: Route, query: str, content: bytes) -> errors.Invalid | None:
    """All that is wrong, with its places; None where nothing is. A body that is no JSON is for others to refuse."""
    try:
        body = orjson.loads(content) if content else None
    except orjson.JSONDecodeError:
        body = None
    faults = [_to_fault(problem) for problem in spellings.find_problems(route, query, body)]
    return errors.Invalid(faults[: errors.MAX_LISTED]) if faults else None


def _to_fault(problem: Problem) -> errors.ErrorItem:
    pointer = None if problem.path is None else spellings.to_pointer(problem.path)
    return errors.ErrorItem(problem.code, foreign(problem.detail), pointer=pointer, parameter=problem.parameter)
