"""Kiosks: claiming, credentials, what each may hold, and how each is."""
