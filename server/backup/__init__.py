"""Backups: one encrypted file each, made while the server runs, verified and restored."""
