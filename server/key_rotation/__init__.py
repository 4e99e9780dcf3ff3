"""Encrypt everything anew with a new data key, while the server runs."""
