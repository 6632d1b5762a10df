"""Types of values in wire shapes, as Pydantic annotations; each keeps a value as it was sent. Most run inside
Pydantic's core. Calls of Python are short, because a batch of orders makes thousands of them."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AnyUrl, Field, GetPydanticSchema, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import CoreSchema, PydanticKnownError
from pydantic_core import core_schema as cs

from packhouse.kit.data import places
from packhouse.kit.messages import message
from packhouse.kit.wire.issues import EXACT, QUICK
from packhouse.kit.wire.pydantic_messages import custom_error

INT64_MAX = 2**63 - 1
MAX_KEYS = 500
"""Of a free object."""

_NUMERIC = r"^-?([0-9]+(\.[0-9]+)?|\.[0-9]+)$"
_ABOVE_ZERO = r"^([0-9]{0,9}[1-9][0-9]{0,9}(\.[0-9]{1,9})?|[0-9]{0,9}\.[0-9]{0,9}[1-9][0-9]{0,9})$"
_INSTANT = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?[0-5]\d)?$"
_PLAIN_EMAIL = (
    r"^[A-Za-z0-9_%+-]{1,32}(\.[A-Za-z0-9_%+-]{1,15}){0,2}"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,4}(com|org|net|eu|nl|be|de|fr|es|it|pl|uk|ch|at|lu|dk|se|ie|us)$"
)
_PLAIN_EMAIL_MATCH = re.compile(_PLAIN_EMAIL).fullmatch
_PLAIN_URL = r"^https?://[a-z0-9]+([.-][a-z0-9]+)*(/[A-Za-z0-9_.~/-]*)?(\?[A-Za-z0-9_.~=&-]*)?$"
_UTC = ("Z", "+00:00")
# What a time of UTC lacks of the wire's form, by its length without an offset.
_ZEROS = {19: ".000000+00:00", 23: "000+00:00", 26: "+00:00"}
_DATETIME = TypeAdapter(datetime)
_URL = TypeAdapter(AnyUrl)


def _quick_or_exact(quick: CoreSchema, kind: CoreSchema, check: Callable[[Any], Any]) -> GetPydanticSchema:
    """`quick` runs inside the core and accepts ordinary values; the rest goes to `check`, which gives the message. A
    batch makes thousands of such checks, and calling Python costs more than everything else about a value.
    `kit.wire.validation` drops errors of the quick check, whose two labels it knows."""
    exact = cs.no_info_after_validator_function(check, kind)
    schema = cs.union_schema([(quick, QUICK), (exact, EXACT)], mode="left_to_right")
    return GetPydanticSchema(lambda _source, _handler: schema)


def _number_schema() -> CoreSchema:
    return cs.union_schema(
        [
            cs.int_schema(strict=True, ge=-INT64_MAX, le=INT64_MAX),
            # Bounded too: an integer past 64 bits would be taken for a float and lose its last digits.
            cs.float_schema(strict=True, gt=-float(INT64_MAX), lt=float(INT64_MAX)),
            cs.str_schema(strict=True, pattern=_NUMERIC, max_length=40),
        ],
        mode="left_to_right",
        custom_error_type="float_type",
    )


def _above_zero_schema() -> CoreSchema:
    return cs.union_schema(
        [
            cs.int_schema(strict=True, gt=0, le=INT64_MAX),
            cs.float_schema(strict=True, gt=0, lt=float(INT64_MAX)),
            cs.str_schema(strict=True, pattern=_ABOVE_ZERO),
        ],
        mode="left_to_right",
    )


def _measure_schema() -> CoreSchema:
    """Try integers first: as a float, one would come back as 1.0, or with other digits above 53 bits."""
    whole = cs.int_schema(strict=True, ge=0, le=INT64_MAX)
    number = cs.float_schema(strict=True, ge=0, lt=float(INT64_MAX), allow_inf_nan=False)
    return cs.union_schema([(whole, QUICK), (number, EXACT)], mode="left_to_right")


def _flat_schema() -> CoreSchema:
    """Accept objects of texts, which most free objects are."""
    values = cs.str_schema(strict=True)
    return cs.dict_schema(
        keys_schema=cs.str_schema(), values_schema=values, max_length=MAX_KEYS, fail_fast=True, strict=True
    )


def _above_zero(value: Any) -> Any:
    if float(value) <= 0:
        raise PydanticKnownError("greater_than", {"gt": 0})
    return value


def _check_country(value: str) -> str:
    """Refuse what is no code, and name the code that is probably meant."""
    if meant := places.find_country_meant(value):
        told = message(
            "Input should be an ISO 3166-1 alpha-2 country code: {meant}, not {sent}", meant=meant, sent=value
        )
        raise custom_error("invalid_code", told)
    raise custom_error("invalid_code", message("Input should be an ISO 3166-1 alpha-2 country code"))


def _check_currency(value: str) -> str:
    if meant := places.find_currencies_meant(value):
        told = message(
            "Input should be an ISO 4217 currency code: {meant}, not {sent}", meant=" / ".join(meant), sent=value
        )
        raise custom_error("invalid_code", told)
    raise custom_error("invalid_code", message("Input should be an ISO 4217 currency code"))


def _instant_schema(_source: Any, _handler: Any) -> CoreSchema:
    written = cs.custom_error_schema(
        cs.str_schema(pattern=_INSTANT),
        custom_error_type="datetime_parsing",
        custom_error_context={"error": "RFC 3339 is expected, like 2026-03-14T08:26:53Z"},
    )
    shape = cs.chain_schema([cs.str_schema(strict=True), written])
    return cs.no_info_after_validator_function(_to_instant, shape)


def _to_instant(value: str) -> str:
    """Convert RFC 3339 to the form of times in answers; without an offset it is UTC. Digits after the sixth of a
    second's fraction are cut."""
    try:
        instant = datetime.fromisoformat(value.upper())
        if value.endswith(_UTC) and value[10] == "T":  # what most clients send needs no arithmetic, only its zeros
            plain = value.removesuffix("Z").removesuffix("+00:00")
            if zeros := _ZEROS.get(len(plain)):
                return f"{plain}{zeros}"
        instant = instant.astimezone(UTC) if instant.tzinfo else instant
    except (ValueError, OverflowError):
        raise PydanticKnownError("datetime_parsing", {"error": _why_no_instant(value)}) from None
    return f"{instant.replace(tzinfo=None).isoformat(timespec='microseconds')}+00:00"


def _why_no_instant(value: str) -> str:
    try:
        _DATETIME.validate_python(value)
    except ValidationError as error:
        return str(error.errors()[0].get("ctx", {}).get("error", "no such time"))
    return "the time is outside the years 1 to 9999 in UTC"


def is_plain_email(value: str) -> bool:
    """Whether it is an ordinary address, which nearly all are: a quick look."""
    return _PLAIN_EMAIL_MATCH(value) is not None


def _check_email(value: str) -> str:
    """Check the address with the library, without asking the network."""
    try:
        validate_email(value, check_deliverability=False)
    except EmailNotValidError as error:
        told = message("value is not a valid email address: {reason}", reason=str(error))
        raise custom_error("value_error", told) from None
    return value


def _check_url(value: str) -> str:
    """People follow links, so they must lead to the web."""
    try:
        scheme = _URL.validate_python(value).scheme
    except ValidationError as error:
        raise PydanticKnownError("url_parsing", {"error": error.errors()[0]["ctx"]["error"]}) from None
    if scheme not in ("http", "https"):
        raise PydanticKnownError("url_scheme", {"expected_schemes": "'http' or 'https'"})
    return value


def _check_storable(value: Any) -> Any:
    """JSON can write 1e999 and integers of any length, which a stored document cannot have."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
        elif isinstance(part, float) and not math.isfinite(part):
            raise PydanticKnownError("finite_number")
        elif isinstance(part, int) and not -INT64_MAX <= part <= INT64_MAX:
            raise PydanticKnownError("int_parsing_size")
    return value


class _AnyCase:
    """One of `options`, in upper or lower case."""

    def __init__(self, *options: str) -> None:
        self._folded = {option.casefold() for option in options}
        quoted = [f"'{option}'" for option in options]
        self._expected = f"{', '.join(quoted[:-1])} or {quoted[-1]}"

    def __call__(self, value: str) -> str:
        if value.casefold() not in self._folded:
            raise PydanticKnownError("literal_error", {"expected": self._expected})
        return value


def any_case(*options: str) -> Any:
    pattern = "^(" + "|".join("".join(f"[{c.upper()}{c.lower()}]" for c in option) for option in options) + ")$"
    return Annotated[str, AfterValidator(_AnyCase(*options)), WithJsonSchema({"type": "string", "pattern": pattern})]


_NUMBER_JSON = {
    "anyOf": [
        {"type": "number", "minimum": -INT64_MAX, "maximum": INT64_MAX},
        {"type": "string", "pattern": _NUMERIC, "maxLength": 40},
    ]
}
_POSITIVE_JSON = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": INT64_MAX},
        {"type": "string", "pattern": r"^[0-9]{0,6}[1-9](\.[0-9]{1,6})?$"},
    ]
}

_STRING = cs.str_schema(strict=True)
_OBJECT = cs.dict_schema(
    keys_schema=cs.str_schema(), values_schema=cs.any_schema(), max_length=MAX_KEYS, fail_fast=True, strict=True
)

NonEmpty = Annotated[str, Field(min_length=1)]
Id = Annotated[int, Field(ge=1, le=INT64_MAX)]
Count = Annotated[int, Field(gt=0, le=INT64_MAX)]
Whole = Annotated[int, Field(ge=0, le=INT64_MAX)]
Measure = Annotated[
    Any,
    GetPydanticSchema(lambda _source, _handler: _measure_schema()),
    WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": 2**63}),
]
Number = Annotated[Any, GetPydanticSchema(lambda _source, _handler: _number_schema()), WithJsonSchema(_NUMBER_JSON)]
PositiveNumber = Annotated[
    Any, _quick_or_exact(_above_zero_schema(), _number_schema(), _above_zero), WithJsonSchema(_POSITIVE_JSON)
]
CountryCode = Annotated[
    str,
    _quick_or_exact(
        cs.literal_schema(sorted(places.COUNTRIES)), cs.str_schema(strict=True, min_length=1), _check_country
    ),
    WithJsonSchema({"type": "string", "enum": sorted(places.COUNTRIES)}),
]
CurrencyCode = Annotated[
    str,
    _quick_or_exact(
        cs.literal_schema(sorted(places.CURRENCIES | places.WITHDRAWN)),
        cs.str_schema(strict=True, min_length=1),
        _check_currency,
    ),
    WithJsonSchema({"type": "string", "enum": sorted(places.CURRENCIES | places.WITHDRAWN)}),
]
InstantText = Annotated[
    str, GetPydanticSchema(_instant_schema), WithJsonSchema({"type": "string", "format": "date-time"})
]
Email = Annotated[
    str,
    _quick_or_exact(cs.str_schema(strict=True, pattern=_PLAIN_EMAIL), _STRING, _check_email),
    WithJsonSchema({"type": "string", "format": "email"}),
]
Url = Annotated[
    str,
    _quick_or_exact(cs.str_schema(strict=True, pattern=_PLAIN_URL), _STRING, _check_url),
    WithJsonSchema({"type": "string", "format": "uri"}),
]
FreeObject = Annotated[
    dict[str, Any],
    _quick_or_exact(_flat_schema(), _OBJECT, _check_storable),
    WithJsonSchema({"type": "object", "additionalProperties": True, "maxProperties": MAX_KEYS}),
]
# What is ignored may be anything that JSON can hold.
FreeValue = Annotated[Any, _quick_or_exact(_STRING, cs.any_schema(), _check_storable), WithJsonSchema({})]
