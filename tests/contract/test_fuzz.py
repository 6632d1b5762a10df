"""Generated requests over every route: 20,000 of them, on both databases (`python -m bench.fuzz` sends any number)."""

import pytest

from bench import fuzz, fuzzing

REQUESTS = 2_500


@pytest.mark.parametrize("seed", range(4))
def test_generated_requests_are_answered_as_documented(empty_url: str, seed: int) -> None:
    found = fuzz.fuzz(empty_url, REQUESTS, seed)
    assert found.faults == []
    assert found.statuses.total() == REQUESTS
    # It comes in by every door: much is carried out, much is refused for what it holds.
    assert sum(count for status, count in found.statuses.items() if status < 300) > REQUESTS / 10
    assert found.statuses[400] > REQUESTS / 20


def test_an_answer_of_another_shape_is_noticed() -> None:
    document = {"components": {"schemas": {"Errors": {"type": "object", "required": ["errors"]}}}, "paths": {}}
    shape = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    answers = {"200": {"content": {"application/json": {"schema": shape}}}, "503": {}}
    operation = fuzzing.Operation("GET", "/", {"responses": answers})
    judge = fuzzing.Judge(document)
    headers = {"content-type": "application/json", "x-request-id": "1"}
    assert judge.find_fault(operation, 200, headers, b'{"id": 1}') is None
    assert judge.find_fault(operation, 503, headers, b'{"errors": []}') is None
    assert judge.find_fault(operation, 200, headers, b'{"id": "1"}') is not None
    assert judge.find_fault(operation, 404, headers, b'{"error": 1}') is not None
    assert judge.find_fault(operation, 201, headers, b"{}") == "answered 201, which is not documented"
    assert judge.find_fault(operation, 500, headers, b"") == "answered 500"
    assert judge.find_fault(operation, 200, {"content-type": "application/json"}, b"{}") == "has no request id"
