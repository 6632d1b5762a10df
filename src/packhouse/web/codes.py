"""A code of a second factor that somebody typed, at whichever page."""

from starlette.requests import Request

from packhouse.accounts import audit, auth, two_factors
from packhouse.accounts.failures import Failure
from packhouse.kit import http
from packhouse.kit.db import Transaction
from packhouse.web.front import front


async def use_code(request: Request, tx: Transaction, account_id: int, user_id: int, email: str, code: str) -> bool:
    """Whether it was good, as it is no more. A recovery code that was used is told in the audit log, and so is a code
    that was refused."""
    house, actor = http.house(request), f"user:{user_id}"
    used = await two_factors.use(tx, front(request).vault, account_id, user_id, code, now=house.clock())
    if used == "recovery code":
        action = "user.recovery_code_used"
        await audit.record(tx, account_id, actor, action, email, now=house.clock())
    if used == "nothing":
        auth.failures(request).note(Failure(account_id, actor, "user.code_refused", email))
    return used != "nothing"
