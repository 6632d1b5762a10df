"""A server for people who write an integration: what a live account cannot show them happens here when they ask for it.

Nothing else imports this package; `packhouse sandbox` loads it by name.
"""
