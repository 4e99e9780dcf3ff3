"""People and their consents."""
