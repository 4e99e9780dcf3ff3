"""Boots a blank Debian 12 by the files of a card, to the first recorded mark."""
