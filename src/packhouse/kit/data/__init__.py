"""What the world is like: places, telephones, units, letters, time zones."""
