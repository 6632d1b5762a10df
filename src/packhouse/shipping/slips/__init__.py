"""Packing slips: what lies in the box, with the shop's logo and text, in the customer's language."""
