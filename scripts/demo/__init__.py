"""The demo: one school, one room, one kiosk, all through the real processes."""
