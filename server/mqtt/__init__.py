"""The broker: running one, the server's link to it, and the kiosks' accounts there."""
