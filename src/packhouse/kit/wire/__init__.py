"""Shapes on the wire: errors with their places, validation, fields, pages of lists."""
