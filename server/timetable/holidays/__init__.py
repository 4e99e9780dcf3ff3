"""Dates on which the whole school is closed."""
