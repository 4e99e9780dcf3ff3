"""Limits that the school's own measurements give: in force, asked about, or declined."""
