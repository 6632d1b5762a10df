"""Batches: orders that somebody took to pick together and to pack one after the other."""
