"""The statuses of a parcel: the number that is stored and that webhooks use, the word of version 3, and the message.
Clients compare all three, so they are as published."""

from typing import NamedTuple

from packhouse.kit.messages import Message, message


class Status(NamedTuple):
    number: str
    word: str
    message: Message


OURS = (
    Status("999", "NO_LABEL", message("No label")),
    Status("1001", "ANNOUNCING", message("Being announced")),
    Status("1000", "READY_TO_SEND", message("Ready to send")),
    Status("1002", "ANNOUNCEMENT_FAILED", message("Announcement failed")),
    Status("1999", "CANCELLING", message("Cancellation requested")),
    Status("2001", "CANCELLING_UPSTREAM", message("Submitting cancellation request")),
    Status("2000", "CANCELLED", message("Cancelled")),
)
"""Of a parcel that its carrier has not got yet, or will not get."""

ON_THE_WAY = (
    Status("1", "ANNOUNCED", message("Announced")),
    Status("13", "ANNOUNCED_UNCOLLECTED", message("Announced: not collected")),
    Status("22", "PICKED_UP_BY_DRIVER", message("Shipment picked up by driver")),
    Status("15", "COLLECT_ERROR", message("Error collecting")),
    Status("3", "TO_SORTING", message("En route to sorting center")),
    Status("62990", "AT_SORTING_CENTRE", message("At sorting centre")),
    Status("7", "SORTING", message("Being sorted")),
    Status("5", "SORTED", message("Sorted")),
    Status("6", "UNSORTED", message("Not sorted")),
    Status("62989", "AT_CUSTOMS", message("At Customs")),
    Status("91", "SHIPMENT_ON_ROUTE", message("Parcel en route")),
    Status("92", "DRIVER_ON_ROUTE", message("Driver en route")),
    Status("4", "DELAYED", message("Delivery delayed")),
    Status("62993", "DELIVERY_METHOD_CHANGED", message("Delivery method changed")),
    Status("62994", "DELIVERY_DATE_CHANGED", message("Delivery date changed")),
    Status("62995", "DELIVERY_ADDRESS_CHANGED", message("Delivery address changed")),
    Status("12", "AWAITING_CUSTOMER_PICKUP", message("Awaiting customer pickup")),
    Status("11", "DELIVERED", message("Delivered")),
    Status("93", "COLLECTED_BY_CUSTOMER", message("Shipment collected by customer")),
    Status("8", "DELIVERY_FAILED", message("Delivery attempt failed")),
    Status("80", "UNDELIVERABLE", message("Unable to deliver")),
    Status("62991", "REFUSED_BY_RECIPIENT", message("Refused by recipient")),
    Status("62992", "RETURNED_TO_SENDER", message("Returned to sender")),
    Status("62997", "ADDRESS_INVALID", message("Address invalid")),
    Status("62996", "EXCEPTION", message("Exception")),
    Status("1998", "CANCELLED_UPSTREAM", message("Cancelled upstream")),
    Status("94", "CANCELLATION_FAILED", message("Parcel cancellation failed.")),
    Status("1337", "UNKNOWN", message("Unknown status - check carrier track & trace page for more insights")),
)
"""Of a parcel on its way, as its carrier or a person tells."""

ALL = (*OURS, *ON_THE_WAY)
_BY_NUMBER = {status.number: status for status in ALL}
_BY_WORD = {status.word: status for status in ALL}


def to_word(number: str) -> str:
    """Return the word of a number; an unpublished number stays as it is."""
    return _BY_NUMBER[number].word if number in _BY_NUMBER else number


def to_message(number: str) -> str:
    """The message of one of the published numbers."""
    return _BY_NUMBER[number].message


def to_number(sent: str) -> str:
    """Return the number of a word, in any case; anything else is treated as a number."""
    found = _BY_WORD.get(sent.strip().upper())
    return found.number if found else sent


def to_hyphens(number: str) -> str:
    """The word as returns write it: `ready-to-send`."""
    return to_word(number).lower().replace("_", "-")
