"""What a password's hash costs: the tests of the page sign in by hashes that cost less."""

from packhouse.kit import security


def test_a_password_is_hashed_as_owasp_asks() -> None:
    """At least 19 MiB and two passes: OWASP, Password Storage Cheat Sheet, argon2id."""
    hashed = security.hash_password("correct-horse-battery")
    kind, version, cost = hashed.split("$")[1:4]
    assert (kind, version) == ("argon2id", "v=19")
    asked = dict(part.split("=") for part in cost.split(","))
    assert int(asked["m"]) >= 19 * 1024
    assert int(asked["t"]) >= 2
    assert security.is_password("correct-horse-battery", hashed)
    assert not security.is_password("correct-horse-batterie", hashed)
