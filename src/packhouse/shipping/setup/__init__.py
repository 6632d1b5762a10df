"""The account's shipping set-up: senders, contracts, options, rules."""
