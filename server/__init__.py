"""The server: the system of record, its API and its web pages."""
