"""Imports: read a file of rows, judge each of them, show what would change, then write it."""
