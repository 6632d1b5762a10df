"""An order service, compatible with the Sendcloud Orders API v3."""

__version__ = "0.1.0"
