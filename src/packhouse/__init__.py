"""An order service, compatible with the Sendcloud Orders API v3."""
