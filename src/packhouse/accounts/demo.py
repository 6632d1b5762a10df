"""The demo account's credentials, which everybody knows, so that examples can be pasted."""

ACCOUNT = "demo"
PUBLIC_KEY = "demo-public-key"
SECRET_KEY = "demo-secret-key"  # noqa: S105 - published in the README
EMAIL = "demo@example.com"
PASSWORD = "demo-password"  # noqa: S105 - as above


def is_well_known_key(public_key: str, secret: str) -> bool:
    return public_key == PUBLIC_KEY and secret == SECRET_KEY


def is_well_known_password(email: str, password: str) -> bool:
    return email.casefold() == EMAIL and password == PASSWORD
