"""Parcels that were made elsewhere and are followed here by their tracking numbers."""
