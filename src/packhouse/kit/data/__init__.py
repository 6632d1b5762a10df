"""Facts about the world: places, telephone numbers, units, letters, time zones."""
