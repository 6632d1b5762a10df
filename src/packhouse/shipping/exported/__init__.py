"""What an account exported elsewhere, taken over."""
