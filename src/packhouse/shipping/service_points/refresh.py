"""Gets a carrier's service points in a country from the carrier."""

import asyncio
from typing import Any

from packhouse import carriers
from packhouse.context import Context
from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.shipping import consignment
from packhouse.shipping.service_points import operations, schema
from packhouse.shipping.service_points.operations import CARRIER, Stored
from packhouse.shipping.setup import setup


async def refresh(ctx: Context, account_id: int, carrier_code: str, country_code: str) -> Stored:
    """Ask the carrier and store its points; points that it no longer has are gone. Raises Invalid if the carrier is not
    installed, does not provide points or refuses, and Unavailable if it does not answer."""
    carrier: Any = ctx.options.carriers.get(carrier_code)
    if not isinstance(carrier, carriers.TellsServicePoints):
        detail = message("The carrier {carrier} does not provide its service points.", carrier=carrier_code)
        raise errors.Invalid(errors.ErrorItem("validation_error", detail, pointer=errors.to_pointer(("carrier_code",))))
    now = ctx.clock()
    found = await setup.read_setup(ctx.db, account_id, now=now)
    contract_id = found.default_contract(carrier_code)
    contract = None if contract_id is None else consignment.to_contract(found, contract_id, ctx.encryptor)
    try:
        async with asyncio.timeout(ctx.settings.carriers_timeout_seconds):
            told = await carrier.list_service_points(country_code, contract)
    except carriers.Rejected as rejection:
        raise errors.Invalid(rejection.faults) from None
    except (carriers.Unreachable, TimeoutError):
        raise errors.Unavailable(message("The carrier {carrier} does not answer.", carrier=carrier_code)) from None
    points = schema.read_points([{**point, "carrier_code": carrier_code} for point in told])
    return await operations.store_points(
        ctx.db, account_id, CARRIER, points, now=now, country_code=country_code, carrier_codes=[carrier_code]
    )
