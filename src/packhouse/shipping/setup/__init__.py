"""How an account ships: senders, contracts, options, rules."""
