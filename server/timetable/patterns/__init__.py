"""Weekly patterns, the lessons that come of them, and their clashes."""
