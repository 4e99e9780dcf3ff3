"""How the kiosk talks to the server and the broker, whenever they are there."""
