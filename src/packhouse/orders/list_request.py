"""What a list of orders may be asked for: its parameters, read all at once."""

import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from packhouse.kit import errors
from packhouse.kit.messages import foreign, message
from packhouse.kit.wire import validation
from packhouse.orders.schema import INSTANT


class Span(NamedTuple):
    """Both ends included; an instant is a span of its own microsecond."""

    first: datetime
    last: datetime


class ListRequest(NamedTuple):
    """Filters by name, as `queries.FILTERS` takes them; `sort` and `cursor` as sent."""

    filters: dict[str, Any]
    sort: str
    page_size: int
    cursor: str | None


TEXT_FILTERS = ("order_number", "order_id", "status")
TIME_FILTERS = tuple(f"order_{change}_at{end}" for change in ("created", "updated") for end in ("", "_min", "_max"))
MAX_PAGE = 200
DEFAULT_PAGE = 100


def read_list_request(
    parameters: Iterable[tuple[str, str]], only: Collection[str] | None = None, known: Collection[int] | None = None
) -> ListRequest:
    """From the query string; `only` names the readable ones where not all are, `known` the integrations that may be
    named where not any may. Raises Invalid that names each bad parameter; unknown and empty ones are ignored."""
    given = _collect(parameters)
    filters: dict[str, Any] = {}
    faults: list[errors.ErrorItem] = []
    for name, reader in _READERS.items():
        if name in given and (only is None or name in only):
            try:
                filters[name] = reader(given[name])
            except ValueError as error:
                faults.append(errors.ErrorItem("invalid", foreign(str(error)), parameter=name))
    size = filters.pop("page_size", DEFAULT_PAGE)
    named = filters.get("integration", ())
    if not named:  # `?integration=,` names none
        filters.pop("integration", None)
    unknown_ids = [id for id in named if not isinstance(id, int) or (known is not None and id not in known)]
    faults += [_not_an_integration(stranger) for stranger in unknown_ids]
    if faults:
        raise errors.Invalid(faults)
    return ListRequest(filters, ",".join(given.get("sort", [])), size, given.get("cursor", [None])[-1])


def find_integrations(parameters: Iterable[tuple[str, str]]) -> list[int]:
    """The ids that a query string names, so that the caller can ask which of them are the account's."""
    return [id for id in _read_integrations(_collect(parameters).get("integration", [])) if isinstance(id, int)]


def _collect(parameters: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if value:
            plain = "integration" if re.fullmatch(r"integration\[\d*\]", name) else name
            given.setdefault(plain, []).append(value)
    return given


def _not_an_integration(value: object) -> errors.ErrorItem:
    detail = message("Select a valid choice. {value} is not one of the available choices.", value=value)
    return errors.ErrorItem("invalid_choice", detail, title="Invalid Choice", parameter="integration")


def _read_integrations(values: list[str]) -> list[int | str]:
    """Numbers, and as texts what can be the id of no integration."""
    parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
    return [int(part) if re.fullmatch(r"[0-9]{1,18}", part) else part for part in dict.fromkeys(parts)]


def _read_page_size(values: list[str]) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", values[-1]) or not 1 <= int(values[-1]) <= MAX_PAGE:
        raise ValueError(message("Input should be a number between 1 and {max_page}", max_page=MAX_PAGE))
    return int(values[-1])


def _read_span(values: list[str]) -> Span:
    """A date is that whole day in UTC, a date-time that instant; without an offset it is UTC."""
    text = values[-1].strip()
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            day = date.fromisoformat(text)
            return Span(datetime.combine(day, time.min, UTC), datetime.combine(day, time.max, UTC))
        # An offset's plus that was not escaped in the query string arrives as a space.
        instant = datetime.fromisoformat(INSTANT.validate_python(re.sub(r" (\d\d:?\d\d)$", r"+\1", text)))
    except ValueError:
        raise ValueError(
            message("Input should be a date or an RFC 3339 date-time, like 2026-03-14T08:26:53Z")
        ) from None
    return Span(instant, instant)


_READERS: dict[str, Callable[[list[str]], Any]] = {
    "integration": _read_integrations,
    "page_size": _read_page_size,
    **dict.fromkeys(TEXT_FILTERS, validation.read_text),
    **dict.fromkeys(TIME_FILTERS, _read_span),
}
