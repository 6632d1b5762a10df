"""Returns: shipments from a customer to the account, with options and shipping rules of their own."""
