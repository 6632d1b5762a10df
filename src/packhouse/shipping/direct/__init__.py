"""Shipments that are announced directly: from addresses and parcels in the call, without an order."""
