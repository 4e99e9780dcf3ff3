"""PINs, cards and codes: how people check in without a face."""
