"""Everybody's own second factor: set up, used instead of by recovery codes, taken away."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import audit, two_factors
from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.kit.routing import Route
from packhouse.kit.vault import NoSecretKey
from packhouse.web import confirm, qr_code, rendering, visitors

_HERE = "/account/two-factors"
_REQUIRED = message("Your account requires a second factor of you.")


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
    ctx, session, vault = context.of(request), visitor.session, context.of(request).encryptor
    async with ctx.db.read() as tx:
        state = await two_factors.get_state(tx, vault, session.account_id, session.user_id, now=ctx.clock())
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


async def offer_secret(request: Request) -> Response:
    """Show a secret to set up an authenticator with; what was set up before counts until a code of it is given."""
    visitor, _, page = await confirm.read(request, await visitors.visitor(request, before_set_up=True))
    if page is not None:
        return page
    ctx, session = context.of(request), visitor.session
    try:

        async def work(tx: Transaction) -> None:
            account_id, user_id = session.account_id, session.user_id
            await two_factors.offer(tx, context.of(request).encryptor, account_id, user_id, now=ctx.clock())

        await ctx.db.write(work)
    except NoSecretKey as refusal:
        return await _show(request, visitor, fault=refusal.faults[0].detail, status=503)
    return rendering.redirect(request, f"{_HERE}{rendering.to_query(then=request.query_params.get('then'))}")


async def set_up(request: Request) -> Response:
    """With a code of the secret that was offered; the recovery codes are shown this once."""
    visitor, form, page = await confirm.read(request, await visitors.visitor(request, before_set_up=True))
    if page is not None:
        return page
    ctx, session = context.of(request), visitor.session
    account_id, user_id = session.account_id, session.user_id

    async def work(tx: Transaction) -> list[str] | None:
        code, vault = visitors.text(form, "code"), context.of(request).encryptor
        codes = await two_factors.set_up(tx, vault, account_id, user_id, code, now=ctx.clock())
        if codes is not None:
            await _record(request, tx, visitor, "user.two_factors_set_up")
        return codes

    codes = await ctx.db.write(work)
    if codes is None:
        return await _show(request, visitor, is_wrong=True, status=422)
    return await _show(request, visitor, codes=codes)


async def renew_recovery_codes(request: Request) -> Response:
    visitor, _, page = await confirm.read(request, await visitors.visitor(request))
    if page is not None:
        return page
    if not visitor.session.has_second_factor:
        return rendering.redirect(request, _HERE)

    async def work(tx: Transaction) -> list[str]:
        codes = await two_factors.renew_codes(tx, visitor.session.account_id, visitor.session.user_id)
        await _record(request, tx, visitor, "user.recovery_codes_renewed")
        return codes

    codes = await context.of(request).db.write(work)
    return await _show(request, visitor, codes=codes)


async def remove(request: Request) -> Response:
    visitor, _, page = await confirm.read(request, await visitors.visitor(request))
    if page is not None:
        return page
    session = visitor.session

    async def work(tx: Transaction) -> None:
        group = await two_factors.get_group(tx, session.account_id)
        if two_factors.is_required(group, session.role):
            raise errors.Conflict(errors.Fault("conflict", _REQUIRED))
        if await two_factors.remove(tx, session.account_id, session.user_id):
            await _record(request, tx, visitor, "user.two_factors_removed")

    await context.of(request).db.write(work)
    return rendering.redirect(request, _HERE)


async def _record(request: Request, tx: Transaction, visitor: visitors.Visitor, action: str) -> None:
    ctx, session = context.of(request), visitor.session
    await audit.record(tx, session.account_id, visitor.caller.actor, action, session.email, now=ctx.clock())


ROUTES = [
    Route("GET", _HERE, show_two_factors),
    Route("POST", f"{_HERE}/offer", offer_secret),
    Route("POST", _HERE, set_up),
    Route("POST", f"{_HERE}/recovery-codes", renew_recovery_codes),
    Route("POST", f"{_HERE}/remove", remove),
]
