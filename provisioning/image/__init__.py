"""Prepares a card from which a blank Raspberry Pi becomes a kiosk at its first start."""
