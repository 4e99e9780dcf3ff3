"""Registers that a job printed; they hold names, so an erasure deletes them."""
