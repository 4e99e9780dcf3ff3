"""API tokens: what a program uses in place of a person's password."""
