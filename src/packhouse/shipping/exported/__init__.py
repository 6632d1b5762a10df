"""Takes over what an account exported elsewhere."""
