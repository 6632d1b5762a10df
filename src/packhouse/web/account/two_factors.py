"""Everybody's own second factor: set up, used instead of by recovery codes, taken away."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import audit, two_factors
from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.encryption import NoSecretKey
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.web.frame import confirm, qr_code, rendering, web_users

_HERE = "/account/two-factors"
_REQUIRED = message("Your account requires a second factor of you.")


async def show_two_factors(request: Request) -> Response:
    return await _show(request, await web_users.require_user(request, before_set_up=True))


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    *,
    codes: Sequence[str] = (),
    fault: str = "",
    is_wrong: bool = False,
    status: int = 200,
) -> Response:
    """`codes` are shown this once."""
    ctx, session, encryptor = context.of(request), web_user.session, context.of(request).encryptor
    async with ctx.db.read() as tx:
        state = await two_factors.get_state(tx, encryptor, session.account_id, session.user_id, now=ctx.clock())
        group = await two_factors.get_group(tx, session.account_id)
    secret = state.offered
    return rendering.render(
        request,
        "two_factors.html",
        web_user,
        status=status,
        state=state,
        is_required=two_factors.is_required(group, session.role),
        picture=qr_code.to_svg(two_factors.to_uri(secret, session.email), "QR") if secret else "",
        groups=[secret[at : at + 4] for at in range(0, len(secret), 4)] if secret else [],
        codes=codes,
        fault=fault,
        is_wrong=is_wrong,
        then=web_users.to_local(request.query_params.get("then", "/")),
    )


async def offer_secret(request: Request) -> Response:
    """Show a secret to set up an authenticator with; what was set up before counts until a code of it is given."""
    web_user, _, page = await confirm.read(request, await web_users.require_user(request, before_set_up=True))
    if page is not None:
        return page
    ctx, session = context.of(request), web_user.session
    try:

        async def work(tx: Transaction) -> None:
            account_id, user_id = session.account_id, session.user_id
            await two_factors.offer(tx, context.of(request).encryptor, account_id, user_id, now=ctx.clock())

        await ctx.db.write(work)
    except NoSecretKey as refusal:
        return await _show(request, web_user, fault=refusal.faults[0].detail, status=503)
    return rendering.redirect(request, f"{_HERE}{rendering.to_query(then=request.query_params.get('then'))}")


async def set_up(request: Request) -> Response:
    """With a code of the secret that was offered; the recovery codes are shown this once."""
    web_user, form, page = await confirm.read(request, await web_users.require_user(request, before_set_up=True))
    if page is not None:
        return page
    ctx, session = context.of(request), web_user.session
    account_id, user_id = session.account_id, session.user_id

    async def work(tx: Transaction) -> list[str] | None:
        code, encryptor = web_users.text(form, "code"), context.of(request).encryptor
        codes = await two_factors.set_up(tx, encryptor, account_id, user_id, code, now=ctx.clock())
        if codes is not None:
            await _record(request, tx, web_user, "user.two_factors_set_up")
        return codes

    codes = await ctx.db.write(work)
    if codes is None:
        return await _show(request, web_user, is_wrong=True, status=422)
    return await _show(request, web_user, codes=codes)


async def renew_recovery_codes(request: Request) -> Response:
    web_user, _, page = await confirm.read(request, await web_users.require_user(request))
    if page is not None:
        return page
    if not web_user.session.has_second_factor:
        return rendering.redirect(request, _HERE)

    async def work(tx: Transaction) -> list[str]:
        codes = await two_factors.renew_codes(tx, web_user.session.account_id, web_user.session.user_id)
        await _record(request, tx, web_user, "user.recovery_codes_renewed")
        return codes

    codes = await context.of(request).db.write(work)
    return await _show(request, web_user, codes=codes)


async def remove(request: Request) -> Response:
    web_user, _, page = await confirm.read(request, await web_users.require_user(request))
    if page is not None:
        return page
    session = web_user.session

    async def work(tx: Transaction) -> None:
        group = await two_factors.get_group(tx, session.account_id)
        if two_factors.is_required(group, session.role):
            raise errors.Conflict(errors.ErrorItem("conflict", _REQUIRED))
        if await two_factors.remove(tx, session.account_id, session.user_id):
            await _record(request, tx, web_user, "user.two_factors_removed")

    await context.of(request).db.write(work)
    return rendering.redirect(request, _HERE)


async def _record(request: Request, tx: Transaction, web_user: web_users.WebUser, action: str) -> None:
    ctx, session = context.of(request), web_user.session
    await audit.record(tx, session.account_id, web_user.caller.actor, action, session.email, now=ctx.clock())


ROUTES = [
    Route("GET", _HERE, show_two_factors),
    Route("POST", f"{_HERE}/offer", offer_secret),
    Route("POST", _HERE, set_up),
    Route("POST", f"{_HERE}/recovery-codes", renew_recovery_codes),
    Route("POST", f"{_HERE}/remove", remove),
]
