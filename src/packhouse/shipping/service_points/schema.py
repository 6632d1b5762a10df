"""The shape of a service point in files and from carriers, and the parameters of a search."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.data import places
from packhouse.kit.messages import foreign, message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import CountryCode
from packhouse.kit.wire.pydantic_messages import custom_error
from packhouse.shipping.service_points.geometry import Box, Position

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHOP_TYPES = ("servicepoint", "locker", "post_office", "carrier_depot")
MAX_LIMIT = 200
DEFAULT_LIMIT = 100
MIN_RADIUS, MAX_RADIUS = 100, 50_000
MAX_POINTS = 200_000
MAX_SHIFTS = 6

_STRICT = ConfigDict(strict=True)
_TIME = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"
_Text = Annotated[str, Field(max_length=255)]
_Needed = Annotated[str, Field(min_length=1, max_length=255)]
_Code = Annotated[str, Field(min_length=1, max_length=100)]


def _check_shift(shift: "Shift") -> "Shift":
    if shift["end_time"] <= shift["start_time"]:
        raise custom_error("shift", message("The end should be after the start"))
    return shift


class Shift(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    start_time: Annotated[str, Field(pattern=_TIME)]
    end_time: Annotated[str, Field(pattern=_TIME)]


_Shifts: TypeAlias = Annotated[list[Annotated[Shift, AfterValidator(_check_shift)]], Field(max_length=MAX_SHIFTS)]


class OpeningTimes(TypedDict):
    """Local times of each weekday; a day that is missing or null is closed."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    monday: NotRequired[_Shifts | None]
    tuesday: NotRequired[_Shifts | None]
    wednesday: NotRequired[_Shifts | None]
    thursday: NotRequired[_Shifts | None]
    friday: NotRequired[_Shifts | None]
    saturday: NotRequired[_Shifts | None]
    sunday: NotRequired[_Shifts | None]


class ServicePoint(TypedDict):
    """`is_active` is false if nothing can be sent to it now."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    carrier_code: _Code
    carrier_service_point_id: _Code
    name: _Needed
    street: _Text
    house_number: NotRequired[_Text]
    postal_code: _Text
    city: _Needed
    country_code: CountryCode
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    carrier_shop_type: NotRequired[_Text | None]
    general_shop_type: NotRequired[Literal["servicepoint", "locker", "post_office", "carrier_depot"] | None]
    email: NotRequired[_Text]
    phone: NotRequired[_Text]
    homepage: NotRequired[_Text]
    opening_times: NotRequired[OpeningTimes]
    is_active: NotRequired[bool]


SERVICE_POINT: TypeAdapter[Any] = TypeAdapter(ServicePoint)


def read_points(sent: Sequence[Any]) -> list[dict[str, Any]]:
    """Validate points from a file or a carrier. Raises Invalid with the place of each error, also if two points of one
    carrier have the same id."""
    if len(sent) > MAX_POINTS:
        detail = message("A file may have at most {most} service points", most=MAX_POINTS)
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.ROOT))
    faults: list[errors.ErrorItem] = []
    points: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for index, value in enumerate(sent):
        reading = validation.read_parsed(SERVICE_POINT, value, may_hold_nulls=True)
        if reading.flaws:
            faults += (_to_fault(index, flaw) for flaw in reading.flaws)
            continue
        key = (reading.value["carrier_code"], reading.value["carrier_service_point_id"])
        if key in seen:
            detail = message("This service point is named twice")
            faults.append(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer((f"[{index}]",))))
        seen.add(key)
        points.append(reading.value)
        if len(faults) > errors.MAX_LISTED:
            break
    if faults:
        raise errors.Invalid(faults[: errors.MAX_LISTED])
    return points


def _to_fault(index: int, flaw: validation.ValidationIssue) -> errors.ErrorItem:
    return errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer((f"[{index}]", *flaw.path)))


class Address(NamedTuple):
    """A place in words: `free` as one text, or its parts."""

    free: str = ""
    postal_code: str = ""
    city: str = ""
    street: str = ""


class Search(NamedTuple):
    """The parameters of a search. `radius` only counts with a position or an address; `open_on` is the weekday, Monday
    is 0. `postal_code`, `city` and `house_number` must be equal."""

    country_code: str
    carrier_codes: Sequence[str] = ()
    codes: Sequence[str] = ()
    carrier_shop_type: str | None = None
    general_shop_types: Sequence[str] = ()
    address: Address | None = None
    position: Position | None = None
    box: Box | None = None
    radius: int = MAX_RADIUS
    limit: int = DEFAULT_LIMIT
    open_on: int | None = None
    of_contracts: bool = False
    postal_code: str | None = None
    city: str | None = None
    house_number: str | None = None


Given = Mapping[str, list[str]]
_CORNERS = ("sw_latitude", "sw_longitude", "ne_latitude", "ne_longitude")
_PARTS = ("address_street", "address_house_number", "address_postal_code", "address_city")
PARAMETERS = (
    "country_code", "carrier_code", "use_integration_carriers", "address", *_PARTS, "latitude", "longitude", *_CORNERS,
    "radius", "carrier_service_point_id", "carrier_shop_type", "general_shop_type", "limit", "open_on",
)  # fmt: skip
V2_PARAMETERS = (
    "country", "carrier", "latitude", "longitude", *_CORNERS, "address", "city", "postal_code", "house_number",
    "radius", "weight", "pudo_id", "shop_type", "general_shop_type", "access_token",
)  # fmt: skip


class _Reader:
    """Reads parameters and collects errors."""

    def __init__(self, parameters: Iterable[tuple[str, str]]) -> None:
        self.given: dict[str, list[str]] = {}
        self.faults: list[errors.ErrorItem] = []
        for name, value in parameters:
            if value:
                self.given.setdefault(re.sub(r"\[\d*\]$", "", name), []).append(value)

    def refuse(self, name: str, detail: str, code: str = "invalid") -> None:
        title = "Invalid Choice" if code == "invalid_choice" else None
        self.faults.append(errors.ErrorItem(code, foreign(detail), title=title, parameter=name))

    def text(self, name: str) -> str | None:
        try:
            return validation.read_text(self.given[name]).strip() if name in self.given else None
        except ValueError as error:
            self.refuse(name, error.args[0])
            return None

    def texts(self, name: str) -> list[str]:
        """Return the values of a parameter that is repeated or a list with commas."""
        if self.text(name) is None:
            return []
        found = [part.strip() for value in self.given[name] for part in value.split(",") if part.strip()]
        if any("\0" in part for part in found) or len(found) > MAX_LIMIT:
            self.refuse(name, message("At most {most} values can be named", most=MAX_LIMIT))
            return []
        return found

    def choices(self, name: str, choices: Sequence[str]) -> list[str]:
        found = self.texts(name)
        for value in found:
            if value not in choices:
                detail = message("Select a valid choice. {sent} is not one of the available choices.", sent=value)
                self.refuse(name, detail, "invalid_choice")
        return found

    def number(self, name: str, least: float, most: float, *, is_whole: bool = False) -> float | None:
        text = self.text(name)
        if text is None:
            return None
        pattern = r"[0-9]{1,9}" if is_whole else r"[+-]?[0-9]{1,9}(\.[0-9]{0,30})?"
        if not re.fullmatch(pattern, text, re.ASCII) or not least <= float(text) <= most:
            self.refuse(name, message("Input should be a number between {least} and {most}", least=least, most=most))
            return None
        return float(text)

    def flag(self, name: str) -> bool:
        text = self.text(name)
        if text is None or text.lower() in ("true", "1", "false", "0"):
            return text is not None and text.lower() in ("true", "1")
        self.refuse(name, message("Input should be true or false"))
        return False

    def country(self, name: str) -> str:
        code = self.text(name)
        if code is None and not any(fault.parameter == name for fault in self.faults):
            self.refuse(name, message("Field required"), "required")
        elif code is not None and code.upper() not in places.COUNTRIES:
            detail = message("Select a valid choice. {sent} is not one of the available choices.", sent=code)
            self.refuse(name, detail, "invalid_choice")
        return (code or "").upper()

    def weekday(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) else None
        except ValueError:
            day = None
        if day is None:
            self.refuse(name, message("Input should be a date, like 2026-03-14"))
        return None if day is None else day.weekday()

    def position(self) -> Position | None:
        latitude, longitude = self.number("latitude", -90, 90), self.number("longitude", -180, 180)
        self.need_each_other(("latitude", "longitude"))
        return None if latitude is None or longitude is None else Position(latitude, longitude)

    def box(self) -> Box | None:
        south, west = self.number("sw_latitude", -90, 90), self.number("sw_longitude", -180, 180)
        north, east = self.number("ne_latitude", -90, 90), self.number("ne_longitude", -180, 180)
        self.need_each_other(_CORNERS)
        if south is None or west is None or north is None or east is None:
            return None
        if north < south or east < west:
            self.refuse("ne_latitude", message("The box is empty"), "validation_error")
        return Box(south, west, north, east)

    def need_each_other(self, names: Sequence[str]) -> None:
        given = [name for name in names if name in self.given]
        for name in names if given else ():
            if name not in given:
                detail = message("This is required with {others}.", others=", ".join(given))
                self.refuse(name, detail, "validation_error")

    def exclude(self, name: str, others: Sequence[str]) -> None:
        found = [other for other in others if other in self.given]
        if name in self.given and found:
            detail = message("This excludes {others}.", others=", ".join(found))
            self.refuse(name, detail, "validation_error")

    def finish(self, search: Callable[[], Search]) -> Search:
        if self.faults:
            raise errors.Invalid(self.faults)
        return search()


def read_search(parameters: Iterable[tuple[str, str]]) -> Search:
    """Read the parameters of v3. Raises Invalid that names each invalid one."""
    read = _Reader(parameters)
    country = read.country("country_code")
    read.exclude("use_integration_carriers", ["carrier_code"])
    read.exclude("address", [*_PARTS, "latitude", "longitude"])
    read.exclude("latitude", _PARTS)
    position, box = read.position(), read.box()
    radius = read.number("radius", MIN_RADIUS, MAX_RADIUS, is_whole=True)
    address = _to_address(read)
    if "radius" in read.given and address is None and "latitude" not in read.given:
        read.refuse("radius", message("This is required with {others}.", others="address"), "validation_error")
    search = Search(
        country_code=country,
        carrier_codes=read.texts("carrier_code"),
        codes=read.texts("carrier_service_point_id"),
        carrier_shop_type=read.text("carrier_shop_type"),
        general_shop_types=read.choices("general_shop_type", SHOP_TYPES),
        address=address,
        position=position,
        box=box,
        radius=int(radius or MAX_RADIUS),
        limit=int(read.number("limit", 1, MAX_LIMIT, is_whole=True) or DEFAULT_LIMIT),
        open_on=read.weekday("open_on"),
        of_contracts=read.flag("use_integration_carriers"),
    )
    return read.finish(lambda: search)


def _to_address(read: _Reader) -> Address | None:
    free, street, number, postal_code, city = (read.text(name) for name in ("address", *_PARTS))
    if not any((free, street, number, postal_code, city)):
        return None
    return Address(free or "", postal_code or "", city or "", street or "")


def read_v2_search(parameters: Iterable[tuple[str, str]]) -> Search:
    """Read the parameters of v2. Raises Invalid that names each invalid one."""
    read = _Reader(parameters)
    country = read.country("country")
    free = read.text("address")
    radius = read.number("radius", MIN_RADIUS, MAX_RADIUS, is_whole=True)
    read.number("weight", 0, 1_000_000)
    search = Search(
        country_code=country,
        carrier_codes=read.texts("carrier"),
        codes=read.texts("pudo_id"),
        carrier_shop_type=read.text("shop_type"),
        general_shop_types=read.choices("general_shop_type", SHOP_TYPES),
        address=Address(free) if free else None,
        position=read.position(),
        box=read.box(),
        radius=int(radius or MAX_RADIUS),
        limit=MAX_LIMIT,
        postal_code=read.text("postal_code"),
        city=read.text("city"),
        house_number=read.text("house_number"),
    )
    return read.finish(lambda: search)


class Refresh(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    carrier_code: _Code
    country_code: CountryCode


REFRESH: TypeAdapter[Any] = TypeAdapter(Refresh)
