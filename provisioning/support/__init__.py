"""The support bundle: what maintainers need to know of a kiosk, and nothing of its people."""
