"""Prices from carriers that tell them, for options without a price in the account's rate tables.

Asking for prices creates nothing, so it needs no job: the process that answers the list of options asks, in the
background, within a time limit, and outside any transaction. If a carrier refuses or does not answer, its price is
missing, with the reason; the list is answered all the same (docs/decisions/0096-prices-from-carriers.md).
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import structlog

from packhouse import carriers
from packhouse.context import Context
from packhouse.kit.data import units
from packhouse.kit.data.places import Place
from packhouse.kit.messages import Message, join, message
from packhouse.shipping import consignment
from packhouse.shipping.option_filters import Offer, Wanted, sort_offers
from packhouse.shipping.rates import pricing
from packhouse.shipping.setup.setup_schema import Setup

PATIENCE_SECONDS = 8
"""The longest that a list of options waits for prices (PACKHOUSE_CARRIERS_TIMEOUT_SECONDS says less)."""
MOST_AT_ONCE = 4
"""Questions that one process has open: an answer that nobody waits for any more keeps its thread until it comes."""

_log = structlog.get_logger()


class Asked(NamedTuple):
    """The offers with the carriers' prices, and why others have none."""

    offers: list[Offer]
    missing: list[Message]


async def ask(ctx: Context, setup: Setup, wanted: Wanted, offers: Sequence[Offer]) -> Asked:
    """Ask each carrier once per contract, all at the same time. It raises no error of a carrier."""
    lacking = {
        (offer.option.carrier_code, offer.contract_id)
        for offer in offers
        if offer.quote is None and not offer.option.is_return and _tells(ctx, offer.option.carrier_code)
    }
    if not lacking or wanted.origin is None or wanted.destination is None or not _is_weighed(wanted):
        return Asked(list(offers), [])
    answers = await asyncio.gather(*(_ask_one(ctx, setup, wanted, *pair) for pair in sorted(lacking)))
    told: dict[tuple[str, int], carriers.Rate] = {}
    missing = []
    for (_, contract_id), answer in zip(sorted(lacking), answers, strict=True):
        if isinstance(answer, Message):
            missing.append(answer)
        else:
            told |= {(rate.option_code, contract_id): rate for rate in answer}
    return Asked(sort_offers(_with_rate(offer, told, wanted) for offer in offers), missing)


def _tells(ctx: Context, carrier_code: str) -> bool:
    return isinstance(ctx.options.carriers.get(carrier_code), carriers.TellsRates)


def _is_weighed(wanted: Wanted) -> bool:
    return bool(wanted.weights) and None not in wanted.weights


async def _ask_one(
    ctx: Context, setup: Setup, wanted: Wanted, carrier_code: str, contract_id: int
) -> Sequence[carriers.Rate] | Message:
    """Return the carrier's rates, or why there are none."""
    carrier: Any = ctx.options.carriers[carrier_code]
    if len(ctx.rate_questions) >= MOST_AT_ONCE:
        return message("{name} was not asked for prices: too many are asked already.", name=carrier.name)
    try:
        contract = consignment.to_contract(setup, contract_id, ctx.encryptor)
        task = asyncio.ensure_future(carrier.list_rates(_to_consignment(wanted, contract)))
    except Exception as error:  # noqa: BLE001 - a carrier's own code, or credentials that cannot be read
        return _to_reason(carrier, error)
    ctx.rate_questions.add(task)
    task.add_done_callback(partial(_close, ctx.rate_questions))
    try:
        async with asyncio.timeout(min(PATIENCE_SECONDS, ctx.settings.carriers_timeout_seconds)):
            rates: Sequence[carriers.Rate] = await asyncio.shield(task)
            return rates
    except Exception as error:  # noqa: BLE001
        return _to_reason(carrier, error)


def _close(questions: "set[asyncio.Task[Any]]", task: "asyncio.Task[Any]") -> None:
    """Retrieve the exceptions of late answers, so that they are not logged as lost."""
    questions.discard(task)
    if not task.cancelled():
        task.exception()


def _to_reason(carrier: carriers.Carrier, error: Exception) -> Message:
    if isinstance(error, carriers.Rejected):
        why = join("; ", (fault.detail for fault in error.faults))
        return message("{name} tells no prices: {why}", name=carrier.name, why=why)
    if not isinstance(error, carriers.Unreachable | TimeoutError):
        _log.error("carrier cannot be asked for prices", carrier=carrier.code, error=type(error).__name__)
    return message("{name} did not tell its prices in time.", name=carrier.name)


def _to_consignment(wanted: Wanted, contract: carriers.Contract | None) -> carriers.Consignment:
    sides = wanted.sides if len(wanted.sides) == len(wanted.weights) else [()] * len(wanted.weights)
    pairs = enumerate(zip(wanted.weights, sides, strict=True))
    return carriers.Consignment(
        reference=str(uuid.uuid4()),
        order_number="",
        sender=_to_address(wanted.origin),
        recipient=_to_address(wanted.destination),
        parcels=[_to_parcel(number, *pair) for number, pair in pairs],
        option_code="",
        contract=contract,
    )


def _to_parcel(number: int, weight: Decimal | None, sides: Sequence[Decimal]) -> carriers.Parcel:
    length, width, height = sides or (None, None, None)
    return carriers.Parcel(number, weight, length, width, height)


def _to_address(place: Place | None) -> carriers.Address:
    place = place or Place("")
    return carriers.Address("", "", place.postal_code, place.city, place.country_code, state_province_code=place.region)


def _with_rate(offer: Offer, told: Mapping[tuple[str, int], carriers.Rate], wanted: Wanted) -> Offer:
    rate = told.get((offer.option.code, offer.contract_id))
    if rate is None or offer.quote is not None:
        return offer
    heaviest = max((weight for weight in wanted.weights if weight is not None), default=units.ZERO)
    part = pricing.Part(pricing.PRICE, "Price", rate.price.value)
    hours = rate.lead_time_hours if rate.lead_time_hours is not None else offer.lead_time_hours
    quote = pricing.Quote(rate.price.value, rate.price.currency, [part], heaviest, heaviest or None, hours)
    return offer._replace(quote=quote, lead_time_hours=hours)
