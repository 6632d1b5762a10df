"""A sandbox for tests of an integration: `Sandbox` starts one, `Account` is what a test has in it.

    with Sandbox() as sandbox:
        account = sandbox.create_account()
        account.add_fault("answer_lost", method="POST")

It needs nothing but the standard library beside the command `packhouse`. With pytest, the fixture `packhouse` gives
each test an account of its own.
"""

from packhouse.testing.answers import Answer, assert_contains
from packhouse.testing.sandbox import Account, Sandbox, SandboxError

__all__ = ["Account", "Answer", "Sandbox", "SandboxError", "assert_contains"]
