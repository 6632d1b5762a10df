"""Messages of libraries that we pass on to people, listed here so that the catalogues can translate them.

Only `make catalogues` reads these tuples. A message that is missing here is shown in English.
"""

from packhouse.kit.messages import message

PYDANTIC = (
    message("Field required"),
    message("Input should be a finite number"),
    message("Input should be a valid array"),
    message("Input should be a valid boolean"),
    message("Input should be a valid boolean, unable to interpret input"),
    message("Input should be a valid dictionary"),
    message("Input should be a valid integer"),
    message("Input should be a valid integer, got a number with a fractional part"),
    message("Input should be a valid integer, unable to parse string as an integer"),
    message("Input should be a valid list"),
    message("Input should be a valid number"),
    message("Input should be a valid number, unable to parse string as a number"),
    message("Input should be a valid string"),
    message("Input should be an object"),
    message("URL input should be a string or URL"),
    message("Unable to parse input string as an integer, exceeded maximum size"),
)
INSTANTS = (
    message("RFC 3339 is expected, like 2026-03-14T08:26:53Z"),
    message("day value is outside expected range"),
    message("month value is outside expected range of 1-12"),
    message("no such time"),
    message("the time is outside the years 1 to 9999 in UTC"),
    message("unexpected extra characters at the end of the input"),
)
URLS = (
    message("empty host"),
    message("input is empty"),
    message("invalid IPv6 address"),
    message("invalid international domain name"),
    message("invalid port number"),
    message("relative URL without a base"),
)
EMAILS = (
    message("An email address cannot end with a period."),
    message("An email address cannot have a hyphen immediately after the @-sign."),
    message("An email address cannot have a period immediately after the @-sign."),
    message("An email address cannot have a period immediately before the @-sign."),
    message("An email address cannot have two periods in a row."),
    message("An email address cannot start with a period."),
    message("An email address must have an @-sign."),
    message("The part after the @-sign is not valid. It should have a period."),
    message("There must be something after the @-sign."),
    message("There must be something before the @-sign."),
)
JSON = (
    message("EOF while parsing a list"),
    message("EOF while parsing a string"),
    message("EOF while parsing a value"),
    message("EOF while parsing an object"),
    message("Expecting ',' delimiter"),
    message("Expecting ':' delimiter"),
    message("Expecting property name enclosed in double quotes"),
    message("Expecting value"),
    message("Extra data"),
    message("Invalid \\escape"),
    message("Invalid \\uXXXX escape"),
    message("Invalid control character at"),
    message("Unterminated string starting at"),
    message("control character (\\u0000-\\u001F) found while parsing a string"),
    message("expected `,` or `]`"),
    message("expected `,` or `}`"),
    message("expected `:`"),
    message("expected value"),
    message("invalid escape"),
    message("invalid number"),
    message("key must be a string"),
    message("lone leading surrogate in hex escape"),
    message("trailing characters"),
    message("trailing comma"),
    message("unexpected end of hex escape"),
)
CSV = (
    message("',' expected after '\"'"),
    message("unexpected end of data"),
)
