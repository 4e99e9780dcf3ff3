"""Version 1 of the words that kiosk and server exchange."""
