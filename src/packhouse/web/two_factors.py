"""Everybody's own second factor: set up, used instead of by recovery codes, taken away."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import audit, two_factors
from packhouse.kit import errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.kit.vault import NoSecretKey
from packhouse.web import confirm, qr_code, rendering, visitors
from packhouse.web.front import front

router = APIRouter(include_in_schema=False)

_HERE = "/account/two-factors"
_REQUIRED = message("Your account requires a second factor of you.")


@router.get(_HERE)
async def show_two_factors(request: Request) -> Response:
    return await _show(request, await visitors.visitor(request, before_set_up=True))


async def _show(
    request: Request,
    visitor: visitors.Visitor,
    *,
    codes: Sequence[str] = (),
    fault: str = "",
    is_wrong: bool = False,
    status: int = 200,
) -> Response:
    """`codes` are shown this once."""
    house, session, vault = http.house(request), visitor.session, front(request).vault
    async with house.db.read() as tx:
        state = await two_factors.get_state(tx, vault, session.account_id, session.user_id, now=house.clock())
        group = await two_factors.get_group(tx, session.account_id)
    secret = state.offered
    return rendering.render(
        request,
        "two_factors.html",
        visitor,
        status=status,
        state=state,
        is_required=two_factors.is_required(group, session.role),
        picture=qr_code.to_svg(two_factors.to_uri(secret, session.email), "QR") if secret else "",
        groups=[secret[at : at + 4] for at in range(0, len(secret), 4)] if secret else [],
        codes=codes,
        fault=fault,
        is_wrong=is_wrong,
        then=visitors.to_local(request.query_params.get("then", "/")),
    )


@router.post(f"{_HERE}/offer")
async def offer_secret(request: Request) -> Response:
    """Show a secret to set up an authenticator with; what was set up before counts until a code of it is given."""
    visitor, _, page = await confirm.read(request, await visitors.visitor(request, before_set_up=True))
    if page is not None:
        return page
    house, session = http.house(request), visitor.session
    try:
        async with house.db.write() as tx:
            account_id, user_id = session.account_id, session.user_id
            await two_factors.offer(tx, front(request).vault, account_id, user_id, now=house.clock())
    except NoSecretKey as refusal:
        return await _show(request, visitor, fault=refusal.faults[0].detail, status=503)
    return rendering.redirect(request, f"{_HERE}{rendering.to_query(then=request.query_params.get('then'))}")


@router.post(_HERE)
async def set_up(request: Request) -> Response:
    """With a code of the secret that was offered; the recovery codes are shown this once."""
    visitor, form, page = await confirm.read(request, await visitors.visitor(request, before_set_up=True))
    if page is not None:
        return page
    house, session = http.house(request), visitor.session
    account_id, user_id = session.account_id, session.user_id
    async with house.db.write() as tx:
        code, vault = visitors.text(form, "code"), front(request).vault
        codes = await two_factors.set_up(tx, vault, account_id, user_id, code, now=house.clock())
        if codes is not None:
            await _record(request, tx, visitor, "user.two_factors_set_up")
    if codes is None:
        return await _show(request, visitor, is_wrong=True, status=422)
    return await _show(request, visitor, codes=codes)


@router.post(f"{_HERE}/recovery-codes")
async def renew_recovery_codes(request: Request) -> Response:
    visitor, _, page = await confirm.read(request, await visitors.visitor(request))
    if page is not None:
        return page
    if not visitor.session.has_second_factor:
        return rendering.redirect(request, _HERE)
    async with http.house(request).db.write() as tx:
        codes = await two_factors.renew_codes(tx, visitor.session.account_id, visitor.session.user_id)
        await _record(request, tx, visitor, "user.recovery_codes_renewed")
    return await _show(request, visitor, codes=codes)


@router.post(f"{_HERE}/remove")
async def remove(request: Request) -> Response:
    visitor, _, page = await confirm.read(request, await visitors.visitor(request))
    if page is not None:
        return page
    session = visitor.session
    async with http.house(request).db.write() as tx:
        group = await two_factors.get_group(tx, session.account_id)
        if two_factors.is_required(group, session.role):
            raise errors.Conflict(errors.Fault("conflict", _REQUIRED))
        if await two_factors.remove(tx, session.account_id, session.user_id):
            await _record(request, tx, visitor, "user.two_factors_removed")
    return rendering.redirect(request, _HERE)


async def _record(request: Request, tx: Transaction, visitor: visitors.Visitor, action: str) -> None:
    house, session = http.house(request), visitor.session
    await audit.record(house.db, tx, session.account_id, visitor.caller.actor, action, session.email, now=house.clock())
