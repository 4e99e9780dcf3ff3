"""The composition root: the only place where the kiosk's adapters are built and joined."""
