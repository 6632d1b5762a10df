"""A code of a second factor that somebody typed, at whichever page."""

from starlette.requests import Request

from packhouse import context
from packhouse.accounts import audit, two_factors
from packhouse.accounts.failures import Failure
from packhouse.kit.db import Transaction


async def use_code(request: Request, tx: Transaction, account_id: int, user_id: int, email: str, code: str) -> bool:
    """Whether it was good, as it is no more. A recovery code that was used is told in the audit log, and so is a code
    that was refused."""
    ctx, actor = context.of(request), f"user:{user_id}"
    used = await two_factors.use(tx, context.of(request).encryptor, account_id, user_id, code, now=ctx.clock())
    if used == "recovery code":
        action = "user.recovery_code_used"
        await audit.record(tx, account_id, actor, action, email, now=ctx.clock())
    if used == "nothing":
        context.of(request).failures.note(Failure(account_id, actor, "user.code_refused", email))
    return used != "nothing"
