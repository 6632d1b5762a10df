"""Signing in, and what people change about their own access."""
