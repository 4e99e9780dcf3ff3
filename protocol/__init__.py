"""The words that kiosk and server exchange, defined once, one package a version."""
