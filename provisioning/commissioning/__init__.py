"""The acceptance test of a kiosk, guided from the command line."""
